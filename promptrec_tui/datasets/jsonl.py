"""JSON files as tables: JSON Lines, an array of objects, or such arrays by the name of their split."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.encodings import Tick, mark_note, read_lines
from promptrec_tui.datasets.json_texts import as_text, parse_strict
from promptrec_tui.datasets.places import located, quoted, shown_name
from promptrec_tui.datasets.split_names import split_of
from promptrec_tui.errors import UserError

WHOLE_LIMIT = 1 << 29
PAIR = ("text", "label")
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
    """The JSON file `path` by split: an array of records, or an object of such arrays; None is no split.

    A record is an object, or a pair of text and label. Arrays that are called after one split, such as train
    and oos_train of CLINC150, are read together. Raises UserError where it is neither, and for a file beyond
    the limit.
    """
    parts = _arrays(path, _whole(path, encoding))
    return {split: _part(path, encoding, part, split) for split, part in parts.items() if part}


def read_objects(path: Path, encoding: str = "utf-8") -> JsonTable:
    """The one table of objects in the JSON file `path`: an array of them, or an object of them by their key.

    The key of each is in the column "key" where the objects have none of that name. Raises UserError where
    the file holds something else.
    """
    value = _whole(path, encoding)
    if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
        value = [{"key": key, **each} for key, each in value.items()]
    if isinstance(value, dict) and not any(isinstance(each, list) for each in value.values()):
        # One record, written over several lines.
        value = [value]
    parts = _arrays(path, value)
    if len(parts) > 1:
        names = ", ".join(quoted(str(name)) for name in parts)
        raise UserError(
            f"{shown_name(path)} is a JSON object with the arrays {names}. Give a file with one of them."
        )
    (part,) = parts.values()
    return _part(path, encoding, part, None)


def _whole(path: Path, encoding: str) -> Any:
    """The JSON value that is the whole file. Raises UserError where it is none, or beyond the limit."""
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
    return value


def _arrays(path: Path, value: Any) -> dict[str | None, list[Any]]:
    """The arrays of records in a JSON value, by their split. Raises UserError where there are none."""
    found: dict[str | None, list[Any]] = {}
    if isinstance(value, list):
        found[None] = value
    elif isinstance(value, dict):
        for name, part in value.items():
            if isinstance(part, list):
                found.setdefault(split_of(name) or name, []).extend(part)
        if len(found) == 1 and split_of(str(next(iter(found)))) is None:
            # An array that is called data, or items, is no split.
            found = {None: next(iter(found.values()))}
    if not any(found.values()):
        kind = (
            "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "a value"
        )
        raise UserError(
            f"{shown_name(path)} is JSON, {kind} without records. Give an array of objects, or an object "
            "with an array for each split."
        )
    return found


def _part(path: Path, encoding: str, part: list[Any], split: str | None) -> JsonTable:
    names: dict[str, None] = {}
    if all(isinstance(record, list) and len(record) == 2 for record in part):
        part = [dict(zip(PAIR, record, strict=True)) for record in part]
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
