"""Delimited files as streams of located rows."""

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.datasets.columns import find_columns
from promptrec_tui.datasets.delimited import Delimited, headless_table, read_delimited
from promptrec_tui.datasets.faults import quoted

cell = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_found_in_the_header(delimiter, write):
    table = read_delimited(write("t.csv", f'a{delimiter}"b,\t;"{delimiter}c\n1{delimiter}2{delimiter}3\n'))
    assert (table.delimiter, table.columns) == (delimiter, ("a", "b,\t;", "c"))
    assert list(table.rows()) == [(2, ["1", "2", "3"])]


def test_a_row_is_located_by_the_line_it_begins_in(write):
    table = read_delimited(write("t.csv", '\na,b\r\n1,"x\ny"\r\n\r\n2,z\r\n'))
    assert list(table.rows()) == [(3, ["1", "x\ny"]), (6, ["2", "z"])]


def test_a_mark_at_the_start_is_not_part_of_the_first_column(write):
    table = read_delimited(write("t.csv", "\ufeffa,b\n1,2\n"))
    assert table.columns == ("a", "b")
    assert "byte order mark" in table.notes[0]


def test_a_file_without_header_starts_at_its_first_line(write):
    table = headless_table(write("t.dat", '1::"x\n2::y\n'), "::", ("a", "b"))
    assert list(table.rows()) == [(1, ["1", '"x']), (2, ["2", "y"])]


def test_values_are_shown_short_and_clean():
    assert quoted("a\x1b[31m\u202eb") == '"a[31mb"'
    assert quoted("x" * 100) == f'"{"x" * 40}…"'


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1)
    )
)
def test_rows_written_by_the_csv_module_come_back(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerows([[f"c{n}" for n in range(len(rows[0]))], *rows])
        assert [fields for _, fields in read_delimited(path).rows()] == rows


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("userId", "movieId", "rating", "timestamp"), {"user": 0, "item": 1, "rating": 2, "timestamp": 3}),
        (("Date", "Film ID", "USER-ID"), {"user": 2, "item": 1, "timestamp": 0}),
        (("item_id", "movie", "user"), {"user": 2, "item": 0}),
    ],
)
def test_columns_are_known_by_their_common_names(columns, expected):
    table = Delimited(Path("t.csv"), columns, ",")
    assert find_columns(table, ("user", "item", "rating", "timestamp"), {}) == expected


def test_a_column_that_was_named_is_not_guessed_for_another_field():
    table = Delimited(Path("t.csv"), ("item", "id"), ",")
    assert find_columns(table, ("key", "title"), {"title": "item"}) == {"key": 1, "title": 0}
