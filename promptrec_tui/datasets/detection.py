"""The format of a source, detected from its content, with the reason."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from promptrec_tui.datasets.columns import has_columns
from promptrec_tui.datasets.delimited import read_delimited
from promptrec_tui.datasets.dialects import AS_USUAL, Dialect
from promptrec_tui.datasets.encodings import ENCODINGS, head
from promptrec_tui.datasets.faults import listed, located, quoted, shown_name
from promptrec_tui.datasets.json_shapes import has_parts, is_columnar, wraps_records
from promptrec_tui.datasets.json_texts import BLANKS
from promptrec_tui.datasets.labelled import is_labelled, split_files
from promptrec_tui.datasets.movielens import movielens_pair
from promptrec_tui.datasets.recbole import SUFFIX, is_typed
from promptrec_tui.datasets.separators import plural
from promptrec_tui.errors import UserError

FORMATS = ("movielens", "recbole", "csv", "jsonl", "parquet", "instruction", "labelled")
LOOKS = Literal["zip", "parquet", "json", "objects", "typed", "text"]
LINES = (".jsonl", ".ndjson")
NO_DATA = ("readme", "license", "licence", "citation", "changelog")
TEXT_SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".txt")
SHOWN_FILES = 5
_STRING = r'"((?:[^"\\]|\\.)*)"'
_PAIR = re.compile(rf"\[\s*{_STRING}\s*,\s*{_STRING}\s*\]")
_PAIR_ARRAY = re.compile(rf"\[\s*{_PAIR.pattern}")


@dataclass(frozen=True)
class Guess:
    """A detected format, the reason for it, and the path of the data: the source or a file in it."""

    format: str
    why: str
    path: Path
    notes: tuple[str, ...] = ()


def detect(path: Path, encoding: str = "utf-8", dialect: Dialect = AS_USUAL) -> Guess:
    """The format that a file or folder probably has. Raises UserError for a folder of no known layout."""
    return _folder(path, encoding, dialect) if path.is_dir() else _file(path, encoding, dialect)


def looks_like(path: Path, encoding: str = "utf-8") -> LOOKS:
    """What a file's first bytes show; "objects" is one JSON object a line, "typed" a header as of RecBole."""
    data = head(path)
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return "zip"
    if data.startswith(b"PAR1") or path.suffix.lower() == ".parquet":
        return "parquet"
    text = _beginning(data, encoding)
    if text.startswith("["):
        return "json"
    if text.startswith("{"):
        return "objects" if _are_objects(text, path.suffix.lower() in LINES) else "json"
    return "typed" if is_typed(text.split("\n", 1)[0]) else "text"


def check_json_name(path: Path, encoding: str) -> None:
    """Raise UserError for a file with a JSON name whose beginning is no JSON record."""
    text = _beginning(head(path), encoding)
    # In another encoding it is another text.
    if path.suffix.lower() in (".json", *LINES) and text and "\ufffd" not in text[:2] and "\0" not in text:
        raise located(
            path,
            1,
            f"it begins with {quoted(text.splitlines()[0])}, and JSON with records begins with {{ or [. Take "
            "out what stands before them, or say --format csv",
        )


def _beginning(data: bytes, encoding: str) -> str:
    return data.decode(ENCODINGS[encoding], errors="replace").lstrip("\ufeff" + BLANKS)


def _are_objects(text: str, lines: bool) -> bool:
    """Is this a sequence of records, or one record on a line? `lines`: the file's name says JSON Lines.

    One that holds records itself, or that takes several lines, is a document of its own.
    """
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return lines
    if text[end:].strip(BLANKS):
        return lines or not has_parts(value)
    return not (has_parts(value) or wraps_records(value)) and (lines or "\n" not in text[:end])


def _folder(folder: Path, encoding: str, dialect: Dialect) -> Guess:
    if pair := movielens_pair(folder):
        return Guess("movielens", f"the folder holds {pair[0]} and {pair[1]}", folder)
    if atomic_files := sorted(folder.glob(f"*{SUFFIX}")):
        return Guess("recbole", f"the folder holds {shown_name(atomic_files[0])}", folder)
    if splits := split_files(folder, TEXT_SUFFIXES):
        names = ", ".join(shown_name(path) for path in splits.values())
        guess = _file(next(iter(splits.values())), encoding, dialect)
        if guess.format in ("instruction", "labelled"):
            return Guess(guess.format, f"the folder holds {names}, and {guess.why}", folder)
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and _may_be_data(path)]
    if len(files) == 1:
        guess = _file(files[0], encoding, dialect)
        return Guess(guess.format, guess.why, files[0])
    names = ", ".join(shown_name(path) for path in files[:SHOWN_FILES]) or "no data file"
    raise UserError(
        f"{shown_name(folder)} is not a folder of a known layout (ratings.csv and movies.csv, NAME{SUFFIX}, "
        f"train and test files): it holds {names}{' …' if len(files) > SHOWN_FILES else ''}. "
        "Give the file of interactions, and --items FILE for the titles."
    )


def _may_be_data(path: Path) -> bool:
    return not path.name.startswith(".") and path.stem.lower() not in NO_DATA and path.suffix != ".md"


def _file(path: Path, encoding: str, dialect: Dialect) -> Guess:
    match looks_like(path, encoding):
        case "zip" | "parquet":
            return Guess("parquet", "it begins or is called as Parquet files are", path)
        case "json" | "objects" as kind:
            return _json(path, encoding, kind == "objects")
        case "typed":
            return Guess("recbole", "the header has typed names such as user_id:token", path)
        case _ if path.suffix.lower() in (".json", *LINES):
            check_json_name(path, encoding)
            return _delimited(path, encoding, dialect)
        case _ if path.suffix == SUFFIX:
            return Guess("recbole", f"its name ends with {SUFFIX}", path)
        case _ if path.suffix.lower() not in (".csv", ".tsv") and is_labelled(path, encoding):
            return Guess("labelled", "its lines end with @ and one of a few labels", path)
        case _:
            return _delimited(path, encoding, dialect)


def _delimited(path: Path, encoding: str, dialect: Dialect) -> Guess:
    table = read_delimited(path, encoding, dialect)
    if _has_answer(table.columns):
        return Guess("labelled", f"it has the columns {listed(table.columns)}", path)
    first_line = "names" if table.header else "fields"
    return Guess("csv", f"its first line has {first_line} between {plural(table.delimiter)}", path)


def _json(path: Path, encoding: str, lines: bool) -> Guess:
    text = _beginning(head(path), encoding)
    if not lines and (pairs := _pairs(text)):
        if text.startswith("[") and not any(" " in first for first in pairs):
            raise UserError(
                f"{shown_name(path)} is JSON, an array of pairs such as {listed([pairs[0]])} with a second "
                "value. If these are texts with a label, say --format labelled; if they are interactions, "
                "say --format jsonl --map user=text --map item=label."
            )
        return Guess("labelled", "its arrays hold pairs of a text and a label", path)
    names = _first_names(text, lines)
    if has_columns(names, "instruction", "output"):
        return Guess("instruction", "its objects have an instruction and an output", path)
    if _has_answer(names):
        return Guess("labelled", f"its objects have the names {listed(names)}", path)
    if lines or not names:
        return Guess(
            "jsonl", "it has JSON objects, one after another" if lines else "it is one JSON value", path
        )
    if has_columns(names, "user", "item"):
        return Guess("jsonl", "its objects have a user and an item", path)
    raise UserError(
        f"{shown_name(path)} has objects with {listed(names)}: neither a user and an item, nor instruction "
        "and output, nor a text and a label. Say its format, and which fields the names are, with --format "
        "and --map."
    )


def _pairs(text: str) -> list[str]:
    """The first texts of the pairs in arrays of pairs, where these come before any inner object."""
    first = _PAIR_ARRAY.search(text)
    inner = text.find("{", 1)
    if not first or 0 <= inner < first.start():
        return []
    return [match[1] for match in _PAIR.finditer(text)]


def _has_answer(names: Sequence[str]) -> bool:
    return has_columns(names, "text", "label") and not has_columns(names, "user", "item")


def _first_names(text: str, lines: bool) -> tuple[str, ...]:
    """The names in the first record at the beginning of a JSON file; empty where it is not JSON."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and (
            lines or is_columnar(value) or not (has_parts(value) or wraps_records(value))
        ):
            return tuple(value)
        # What holds records is often not whole in the first bytes; a record is, or it is a large one.
        start = text.find("{", start + 1)
        if value is None and start > 1_000:
            break
    return ()
