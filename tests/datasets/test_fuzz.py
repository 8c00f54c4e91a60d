"""Readers fed with anything: no traceback, and no value that comes back changed.

PROMPTREC_FUZZ is the number of cases, 25 if unsaid.
"""

import csv
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from promptrec_tui.datasets import delimited
from promptrec_tui.datasets.archive import extract
from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.detection import detect
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.parquet import convert
from promptrec_tui.errors import UserError

CASES = int(os.environ.get("PROMPTREC_FUZZ", "25"))
fuzzed = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
slowly_fuzzed = settings(fuzzed, max_examples=max(CASES // 10, 30))

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
odd = st.sampled_from(
    ["007", "NA", "null", "9007199254740993", "1.0", " x", "x ", '"', "a,b", "a\tb", "a\nb"]
)
key = (text | odd).filter(str.strip)
pairs = st.lists(st.tuples(key, key), min_size=1, max_size=8)


def check_sentence(error: UserError) -> None:
    """On one line, with an end."""
    assert re.fullmatch(r".+[.?]", str(error))


def imported(name: str, write: Callable[[Path], Any], options: ImportOptions | None = None) -> list[Any]:
    """(user, item) of every row, or the examples, after an import; nothing where it was refused."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source" / name, Path(folder) / "datasets" / "d.sqlite"
        source.parent.mkdir()
        target.parent.mkdir()
        write(source)
        try:
            import_dataset(source, target, options or ImportOptions())
        except UserError as error:
            check_sentence(error)
            assert not list(target.parent.iterdir())
            return []
        with open_dataset(target) as dataset:
            if dataset.counts.examples:
                return [(example.fields, example.label) for example in dataset.examples()]
            return sorted((row.user, row.item_key) for row in dataset.rows(0, 1_000))


def write_csv(path: Path, rows: list[tuple[str, str]], encoding: str = "utf-8") -> None:
    with open(path, "w", newline="", encoding=encoding) as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("user", "item"), *rows])


@fuzzed
@given(pairs, st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_csv_comes_back_as_it_was_written(rows, encoding):
    options = ImportOptions(format="csv", encoding=encoding)
    assert imported("r.csv", lambda path: write_csv(path, rows, encoding), options) == sorted(rows)


@fuzzed
@given(pairs)
def test_json_lines_come_back_as_they_were_written(rows):
    lines = "".join(json.dumps({"user": user, "item": item}) + "\n" for user, item in rows)
    assert imported("r.jsonl", lambda path: path.write_text(lines)) == sorted(rows)


plain = st.text("abc07.NA é影-", min_size=1, max_size=5).filter(str.strip)
"""A key of blanks alone is refused."""


@fuzzed
@given(st.lists(st.tuples(plain, plain), min_size=1, max_size=8))
def test_recbole_files_come_back_as_they_were_written(rows):
    lines = "user_id:token\titem_id:token\n" + "".join(f"{user}\t{item}\n" for user, item in rows)
    assert imported("r.inter", lambda path: path.write_text(lines, "utf-8")) == sorted(rows)


@fuzzed
@given(st.lists(st.tuples(plain, plain, st.integers(-9, 10**10)), min_size=1, max_size=9))
def test_both_readers_of_plain_files_answer_alike(rows):
    lines = "user,item,timestamp\n" + "".join(f"{user},{item},{when}\n" for user, item, when in rows)
    least, answers = delimited.BULK_BYTES, []
    try:
        for delimited.BULK_BYTES in (0, 10**9):
            answers.append(imported("r.csv", lambda path: path.write_text(lines, "utf-8")))
    finally:
        delimited.BULK_BYTES = least
    assert answers[0] == answers[1]


@fuzzed
@given(st.lists(st.tuples(text, text), min_size=1, max_size=6))
def test_instructions_come_back_as_they_were_written(rows):
    whole = json.dumps([{"instruction": asked, "output": answer} for asked, answer in rows])
    examples = imported("r.json", lambda path: path.write_text(whole))
    if all(asked.strip() and answer.strip() for asked, answer in rows):
        assert examples == [({"instruction": asked}, answer) for asked, answer in rows]
    else:
        assert examples == []


TOKENS = st.sampled_from(
    ['"', "\r", "\n", ",", "\t", ";", "::", "@", "{", "}", "[", "]", ":", "user", "item", "text", "label",
     "7", "1e9", "NaN", "\\ud800", "\\u0000", "é", "影", "\0", "\ufeff", "user_id:token", "item_id:token",
     "instruction", "output", '{"user": "u", "item": "a"}', "user,item\n", "text,label\n"]
)  # fmt: skip
junk = st.lists(TOKENS, max_size=14).map("".join).map(lambda made: made.encode("utf-8"))


@fuzzed
@given(
    junk | st.binary(max_size=60), st.sampled_from(["r.csv", "r.json", "r.jsonl", "r.inter", "r.txt", "r"])
)
@example(b'{"user": ' + b"[" * 100_000, "r.jsonl")
def test_anything_is_read_or_refused_with_a_sentence(content, name):
    imported(name, lambda path: path.write_bytes(content))


@slowly_fuzzed
@given(junk, st.sampled_from(["recbole", "csv", "jsonl", "instruction", "labelled"]),
       st.sampled_from(["utf-8", "utf-16", "latin-1", "gb18030"]))  # fmt: skip
def test_any_format_may_be_told_of_anything(content, format, encoding):
    imported("r.txt", lambda path: path.write_bytes(content), ImportOptions(format, encoding=encoding))


damage = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4)


def damaged(data: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed[: len(changed) - cut % len(changed)] if cut else changed)


@slowly_fuzzed
@given(damage, st.sampled_from([0, 0, 1, 7, 100]))
def test_damaged_parquet_is_read_or_refused(changes, cut):
    with tempfile.TemporaryDirectory() as folder:
        source, copy = Path(folder) / "r.parquet", Path(folder) / "copy.parquet"
        duckdb.sql(f"COPY (SELECT 'u' AS user, range AS item FROM range(9)) TO '{source}' (FORMAT parquet)")
        source.write_bytes(damaged(source.read_bytes(), changes, cut))
        try:
            convert(source, copy)
        except UserError as error:
            check_sentence(error)


@slowly_fuzzed
@given(damage, st.sampled_from([0, 0, 1, 7, 100]))
def test_damaged_archives_are_unpacked_or_refused(changes, cut):
    with tempfile.TemporaryDirectory() as place:
        source, folder = Path(place) / "z.zip", Path(place) / "out"
        folder.mkdir()
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a/r.csv", "user,item\nu,a\n" * 20)
        source.write_bytes(damaged(source.read_bytes(), changes, cut))
        try:
            extract(source, folder)
        except UserError as error:
            check_sentence(error)
        assert {path.name for path in Path(place).iterdir()} == {"z.zip", "out"}


@fuzzed
@given(junk, st.sampled_from(["r.csv", "r.json", "r.txt"]))
def test_detection_has_an_answer_or_a_sentence(content, name):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        try:
            assert detect(Path(folder) / name).why
        except UserError as error:
            check_sentence(error)
