"""JSON files as tables: JSON Lines, an array of objects, or such arrays by the name of their split."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.encodings import Tick, mark_note, read_lines
from promptrec_tui.datasets.json_texts import as_text, parse_strict
from promptrec_tui.datasets.places import located, shown_name
from promptrec_tui.errors import UserError

WHOLE_LIMIT = 1 << 29
MENDED = "Mend the line or take it out"


@dataclass(frozen=True)
class JsonTable:
    """Objects with text, number and truth values; a name that an object lacks is an empty field."""

    path: Path
    columns: tuple[str, ...]
    encoding: str
    records: tuple[tuple[int, dict[str, Any]], ...] | None = None
    """The objects of a whole-file array; None where they are read line by line."""
    notes: tuple[str, ...] = ()
    unit: str = "line"

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
    return JsonTable(path, tuple(names), encoding, notes=mark_note(path, encoding))


def read_json(path: Path, encoding: str = "utf-8") -> dict[str | None, JsonTable]:
    """The JSON file `path` by split: an array of objects, or an object of such arrays; None is no split.

    Raises UserError where it is neither, and for a file beyond the limit.
    """
    if path.stat().st_size > WHOLE_LIMIT:
        raise UserError(
            f"{shown_name(path)} has more than {WHOLE_LIMIT >> 20} MiB in one JSON value. "
            "Write it as JSON Lines, one object a line."
        )
    text = "".join(read_lines(path, encoding))
    try:
        value = parse_strict(text)
    except ValueError as error:
        raise UserError(f"{shown_name(path)}: {error}. Mend the file.") from None
    parts: dict[str | None, Any] = (
        {None: value}
        if isinstance(value, list)
        else dict(value)
        if isinstance(value, dict) and value and all(isinstance(part, list) for part in value.values())
        else {}
    )
    if not any(parts.values()):
        raise UserError(
            f"{shown_name(path)} holds no records. Give an array of objects, or an object with an array "
            "for each split."
        )
    return {split: _part(path, encoding, part, split) for split, part in parts.items() if part}


def _part(path: Path, encoding: str, part: list[Any], split: str | None) -> JsonTable:
    names: dict[str, None] = {}
    for number, record in enumerate(part, 1):
        if not isinstance(record, dict):
            where = f"record{f' of {split}' if split else ''}"
            raise located(path, number, "it is not an object. Write {…} with a name for each field", where)
        names.update(dict.fromkeys(record))
    records = tuple(enumerate(part, 1))
    return JsonTable(path, tuple(names), encoding, records, mark_note(path, encoding), "record")


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
