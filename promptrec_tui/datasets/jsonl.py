"""JSON files as tables: JSON Lines, or one value that holds records."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.columns import has_columns
from promptrec_tui.datasets.encodings import Tick, mark_note, read_lines
from promptrec_tui.datasets.json_shapes import ITEM_PAIR, PAIR, parts_of
from promptrec_tui.datasets.json_texts import as_text, parse_strict
from promptrec_tui.datasets.places import listed, located, shown_name
from promptrec_tui.errors import UserError

WHOLE_LIMIT = 1 << 29
MENDED = "Mend the line or take it out"


@dataclass(frozen=True)
class JsonTable:
    """Objects with text, number and truth values; a name that an object lacks is an empty field."""

    path: Path
    columns: tuple[str, ...]
    records: tuple[tuple[int, dict[str, Any]], ...] | None
    """The objects of a whole-file array; None where they are read line by line."""
    notes: tuple[str, ...] = ()
    unit: str = "line"
    encoding: str = "utf-8"

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """As `Table.rows`."""
        found: Iterable[tuple[int, dict[str, Any]]] = (
            _objects(self.path, self.encoding, tick) if self.records is None else self.records
        )
        for number, record in found:
            yield number, [as_text(record.get(name)) for name in self.columns]

    def relation(self) -> None:
        """Never: DuckDB takes NaN, names that come twice and commas at the end, without a word."""


def read_jsonl(path: Path, encoding: str = "utf-8") -> JsonTable:
    """The JSON Lines file `path`. It is read once for the names in it.

    Raises UserError, with line and column, where a line is not one sound object.
    """
    names: dict[str, None] = {}
    for _, record in _objects(path, encoding):
        names.update(dict.fromkeys(record))
    if not names:
        raise UserError(f"{shown_name(path)} holds no objects. Give a file with one JSON object a line.")
    return JsonTable(path, tuple(names), None, mark_note(path, encoding), encoding=encoding)


def read_json(path: Path, encoding: str = "utf-8") -> dict[str | None, JsonTable]:
    """The records in the JSON file `path` by split, in the shapes of `parts_of`; None is no split.

    A record is an object, or a pair of text and label. Raises UserError where there is none, and for a file
    beyond the limit.
    """
    return _tables(path, encoding, _whole(path, encoding), PAIR)


def read_objects(path: Path, encoding: str = "utf-8", pair: tuple[str, str] = PAIR) -> JsonTable:
    """The one table of records in the JSON file `path`; `pair` are the names of two values in an array.

    For items an object of titles by key is taken too. Raises UserError where the file holds something else.
    """
    value = _whole(path, encoding)
    if pair == ITEM_PAIR and _is_plain(value):
        value = [list(each) for each in value.items()]
    tables = _tables(path, encoding, value, pair)
    if len(tables) > 1:
        raise UserError(
            f"{shown_name(path)} is a JSON object with the arrays {listed(map(str, tables))}. "
            "Give a file with one of them."
        )
    (table,) = tables.values()
    return table


def _whole(path: Path, encoding: str) -> Any:
    """The JSON value that is the whole file. Raises UserError where it is none, or beyond the limit."""
    if path.stat().st_size > WHOLE_LIMIT:
        raise UserError(
            f"{shown_name(path)} has more than {WHOLE_LIMIT >> 20} MiB in one JSON value. "
            "Write it as JSON Lines, one object a line."
        )
    # A whole file often is one line.
    text = "".join(read_lines(path, encoding, limit=WHOLE_LIMIT + 1))
    try:
        value = parse_strict(text)
    except ValueError as error:
        if "extra data" in str(error):
            where = str(error).removeprefix("it is not JSON: ")
            raise UserError(
                f"{shown_name(path)} holds several JSON values, one after another ({where}). "
                "Put them into one array, or write one object a line."
            ) from None
        raise UserError(f"{shown_name(path)}: {error}. Mend the file.") from None
    return value


def _is_plain(value: Any) -> bool:
    """Is this an object of texts by key, and not one item?"""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(text, str) for text in value.values())
        and not has_columns(tuple(value), "title")
    )


def _tables(path: Path, encoding: str, value: Any, pair: tuple[str, str]) -> dict[str | None, JsonTable]:
    parts, unread = parts_of(value)
    if not any(parts.values()):
        kind = (
            "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "a value"
        )
        raise UserError(
            f"{shown_name(path)} is JSON, {kind} without records. Give an array of objects, or an object "
            "with an array for each split."
        )
    notes = mark_note(path, encoding)
    if unread:
        notes = (*notes, f"Of {shown_name(path)} these parts were not read: {listed(unread)}.")
    return {
        split: JsonTable(path, *_records(path, part, split, pair), notes, "record")
        for split, part in parts.items()
        if part
    }


def _records(
    path: Path, part: list[Any], split: str | None, pair: tuple[str, str]
) -> tuple[tuple[str, ...], tuple[tuple[int, dict[str, Any]], ...]]:
    """The names in an array of records, and its records with their numbers."""
    names: dict[str, None] = {}
    if all(isinstance(record, list) and len(record) == 2 for record in part):
        part = [dict(zip(pair, record, strict=True)) for record in part]
    for number, record in enumerate(part, 1):
        if not isinstance(record, dict):
            where = f"record{f' of {split}' if split else ''}"
            raise located(path, number, "it is not an object. Write {…} with a name for each field", where)
        names.update(dict.fromkeys(record))
    return tuple(names), tuple(enumerate(part, 1))


def _objects(path: Path, encoding: str, tick: Tick | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(read_lines(path, encoding, tick), 1):
        if not line.strip():
            continue
        try:
            value = parse_strict(line)
        except ValueError as error:
            raise _bad_line(path, number, line, error) from None
        if isinstance(value, list):
            raise located(path, number, f"it is an array, not an object. {_conversion(path)}")
        if not isinstance(value, dict):
            raise located(path, number, f"it is not an object. {MENDED}")
        yield number, value


def _bad_line(path: Path, number: int, line: str, error: ValueError) -> UserError:
    if number == 1 and line.strip() == "[":
        return located(path, number, f"an array begins here, not an object. {_conversion(path)}")
    return located(path, number, f"{error}. {MENDED}")


def _conversion(path: Path) -> str:
    return f'Write one object a line, for example with jq -c ".[]" {shown_name(path)}'
