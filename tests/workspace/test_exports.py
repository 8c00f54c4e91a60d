"""Tables as Markdown and CSV, and the folder of exports."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.workspace.exports import Listing, csv_text, markdown, write_export

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=9)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_csv_is_read_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    text = csv_text(Listing(("a", "b"), tuple(rows)))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], *map(list, rows)]


def test_markdown_has_numbers_on_the_right_and_no_stray_bars() -> None:
    table = Listing(("name", "value"), (("a|b\n\x1b[31m", 0.123456), ("c", None)))
    assert markdown(table) == "| name | value |\n| --- | ---: |\n| a\\|b [31m | 0.1235 |\n| c |  |\n"
    assert csv_text(table).splitlines()[-1] == "c,"


def test_an_export_never_replaces_a_file(home: Home) -> None:
    paths = [write_export(home, "../../a/b c", "md", str(number)) for number in range(3)]
    assert [path.name for path in paths] == ["a-b-c.md", "a-b-c-2.md", "a-b-c-3.md"]
    assert {path.parent for path in paths} == {home.exports}
    assert [path.read_text() for path in paths] == ["0", "1", "2"]
    assert write_export(home, "第二次 [/INST]", "csv", "").name == "第二次-INST.csv"
    assert write_export(home, "...", "csv", "").name == "export.csv"
    assert write_export(home, "chart", "png", b"\x89PNG\r\n").read_bytes() == b"\x89PNG\r\n"


def test_an_export_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The export .*a\.md cannot be written: "):
        write_export(Home(tmp_path / "none"), "a", "md", "")
