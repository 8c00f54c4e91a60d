"""JSON files as tables: JSON Lines, or one value that holds records."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.columns import has_columns
from promptrec_tui.datasets.encodings import mark_note, read_lines
from promptrec_tui.datasets.faults import listed, located, rows, shown_name
from promptrec_tui.datasets.json_shapes import ITEM_PAIR, PAIR, parts_of
from promptrec_tui.datasets.json_texts import (
    BLANKS,
    JsonError,
    as_text,
    open_brackets,
    parse_next,
    parse_strict,
    skip_blanks,
)
from promptrec_tui.datasets.tables import Tick
from promptrec_tui.errors import UserError

WHOLE_LIMIT = 1 << 29
SHOWN_LINES = 5
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
    skip_bad: bool = False

    def rows(self, tick: Tick | None = None) -> Iterator[tuple[int, list[str]]]:
        """As `Table.rows`."""
        records: Iterable[tuple[int, dict[str, Any]]] = (
            _objects(self.path, self.encoding, [] if self.skip_bad else None, tick)
            if self.records is None
            else self.records
        )
        for ordinal, (number, record) in enumerate(records, 1):
            yield (
                ordinal if self.unit == "record" else number,
                [as_text(record.get(name)) for name in self.columns],
            )

    def relation(self) -> None:
        """Never: DuckDB takes NaN, names that come twice and commas at the end, without a word."""


def read_jsonl(path: Path, encoding: str = "utf-8", skip_bad: bool = False) -> JsonTable:
    """The objects in `path`, one a line or one after another. It is read once for the names in it.

    Raises UserError, with line and column, for what is not a valid object; with `skip_bad` that is left out
    and noted.
    """
    names: dict[str, None] = {}
    left_out: list[int] = []
    before, crowded = 0, False
    for number, record in _objects(path, encoding, left_out if skip_bad else None):
        names.update(dict.fromkeys(record))
        before, crowded = number, crowded or number == before
    if not names:
        raise UserError(f"{shown_name(path)} holds no objects. Give a file with one JSON object a line.")
    notes = mark_note(path, encoding)
    if left_out:
        lines = ", ".join(map(str, left_out[:SHOWN_LINES])) + (" …" if len(left_out) > SHOWN_LINES else "")
        notes += (f"{shown_name(path)}: {rows(len(left_out))} left out as no JSON (line {lines}).",)
    unit = "record" if crowded else "line"
    return JsonTable(path, tuple(names), None, notes, unit, encoding, skip_bad)


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
    except JsonError as fault:
        if "another value follows" in str(fault):
            raise UserError(
                f"{shown_name(path)} holds several JSON values, the second from line {fault.line}, column "
                f"{fault.column}. Put them into one array, or write one object a line."
            ) from None
        raise located(path, fault.line, f"{fault} at column {fault.column}. Mend the file") from None
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


def _objects(
    path: Path, encoding: str, left_out: list[int] | None = None, tick: Tick | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object with the line in which it begins, however many lines it takes.

    A value that is not an object raises UserError, or its line goes to `left_out`.
    """
    for number, text in _blocks(path, encoding, tick):
        line, place = number, 0
        start = skip_blanks(text, 0)
        while start < len(text):
            line, place = line + text.count("\n", place, start), start
            try:
                value, end = parse_next(text, start)
                start = skip_blanks(text, end)
                if text[start : start + 1] == ",":
                    raise JsonError("it is not JSON: a comma follows the object", text, start)
            except JsonError as fault:
                if left_out is None:
                    message = f"{fault} at column {fault.column}. {MENDED}"
                    raise located(path, number + fault.line - 1, message) from None
                left_out.append(line)
                break
            if not isinstance(value, dict):
                kind = f"an array, not an object. {_conversion(path)}" if isinstance(value, list) else ""
                raise located(path, line, f"it is {kind or f'not an object. {MENDED}'}")
            yield line, value


def _blocks(path: Path, encoding: str, tick: Tick | None) -> Iterator[tuple[int, str]]:
    """(number, text) of each line; lines that share one value are joined, with the number of the first."""
    begun: list[str] = []
    start = depth = 0
    looked = False
    for number, line in enumerate(read_lines(path, encoding, tick), 1):
        if begun and not looked and line.startswith("{"):
            # A line that is broken does not take the records below with it.
            looked = True
            text = "".join(begun)
            if (fault := _fault(text + line)) and fault.position <= len(text):
                yield start, text.rstrip(BLANKS)
                begun = []
        if not begun:
            if not line.strip(BLANKS):
                continue
            start, depth, looked = number, 0, False
            if line.rstrip(BLANKS).endswith("}") and line.count("{") == line.count("}"):
                yield number, line.rstrip(BLANKS)
                continue
        depth += open_brackets(line)
        begun.append(line)
        if depth <= 0:
            yield start, "".join(begun).rstrip(BLANKS)
            begun = []
    if begun:
        yield start, "".join(begun).rstrip(BLANKS)


def _fault(text: str) -> JsonError | None:
    try:
        parse_next(text, 0)
    except JsonError as fault:
        return fault
    return None


def _conversion(path: Path) -> str:
    return f'Write one object a line, for example with jq -c ".[]" {shown_name(path)}'
