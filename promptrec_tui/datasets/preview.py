"""A preview of an import: format and reason, columns, first rows, and problems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from promptrec_tui.datasets.described import no_title
from promptrec_tui.datasets.dialects import Dialect
from promptrec_tui.datasets.examples import unknown_splits
from promptrec_tui.datasets.faults import quoted
from promptrec_tui.datasets.importer import ImportOptions, column_names, map_columns, reading
from promptrec_tui.datasets.sources import Source, open_source
from promptrec_tui.datasets.splits import check_no_splits, check_splits, split_of
from promptrec_tui.datasets.staging import staging_folder
from promptrec_tui.datasets.tables import Table
from promptrec_tui.datasets.values import (
    can_be_moment,
    decimal_commas,
    parse_moment,
    parse_moments,
    parse_rating,
)
from promptrec_tui.errors import UserError

SHOWN_ROWS = 5
CHECKED_ROWS = 1_000
NEEDED = ("user", "item", "key", "text", "label", "instruction", "output")


@dataclass(frozen=True)
class Part:
    """One table: what it holds, its file and columns, the column of each field, and the first rows."""

    content: str
    file: str
    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Preview:
    """What an import would do; `problems` would end it. The format is empty where none was found."""

    format: str
    why: str
    encoding: str
    parts: tuple[Part, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def preview_source(source: Path, options: ImportOptions, place: Path) -> Preview:
    """Look at the first rows of `source`; archives are unpacked in the folder `place`. Nothing stays there.

    What is wrong is answered, not raised. Only the import itself looks at all rows, and writes nothing when
    one of them is wrong.
    """
    encoding = options.encoding or "utf-8"
    with staging_folder(place) as staging:
        try:
            opened = open_source(source, options.format, options.items, reading(options, staging))
        except UserError as error:
            return Preview("", "", encoding, (), (str(error),), ())
        problems: list[str] = []
        columns: Mapping[str, Mapping[str, int]] = {}
        try:
            columns = map_columns(opened, options.mapping)
        except UserError as error:
            problems.append(str(error))
        notes: list[str] = []
        parts = tuple(
            _part(content, table, columns.get(content, {}), options.dialect, problems, notes)
            for content, table in opened.tables.items()
        )
        try:
            split_meanings = check_splits(options.splits)
            if opened.has_examples and (unknown := _unknown_names(opened, columns, split_meanings)):
                problems.append(str(unknown_splits(unknown)))
            if not opened.has_examples:
                check_no_splits(split_meanings)
        except UserError as error:
            problems.append(str(error))
        if opened.describes_itself and columns:
            notes += no_title(opened.tables["interactions"], columns["interactions"])
        return Preview(opened.format, opened.why, encoding, parts, tuple(problems), (*_notes(opened), *notes))


def _notes(source: Source) -> tuple[str, ...]:
    return (*source.notes, *(note for table in source.tables.values() for note in table.notes))


def _unknown_names(
    source: Source, columns: Mapping[str, Mapping[str, int]], split_meanings: Mapping[str, str]
) -> Counter[str]:
    """How many of the first rows have each name of a split that means none."""
    names: Counter[str] = Counter()
    for content, table in source.tables.items():
        split = columns.get(content, {}).get("split")
        if split is None:
            names[content if content != "examples" else ""] += 1
            continue
        with suppress(UserError):  # which is a problem that was found already
            names.update(fields[split].strip() for _, fields in islice(table.rows(), CHECKED_ROWS))
    known = {name for name in names if not name or name.casefold() in split_meanings or split_of(name)}
    return Counter({name: count for name, count in names.items() if name not in known})


def _part(
    content: str,
    table: Table,
    columns: Mapping[str, int],
    dialect: Dialect,
    problems: list[str],
    notes: list[str],
) -> Part:
    rows: list[tuple[str, ...]] = []
    moments: list[str] = []
    checked = unsound = 0
    try:
        for number, fields in islice(table.rows(), CHECKED_ROWS):
            checked += 1
            if len(rows) < SHOWN_ROWS:
                rows.append(tuple(fields))
            fault = _fault(fields, columns)
            if fault and not dialect.skip_bad:
                problems.append(f"{table.path.name}, {table.unit} {number}: {fault}.")
                break
            unsound += bool(fault)
            if not fault and "timestamp" in columns:
                moments.append(fields[columns["timestamp"]])
        if not rows:
            problems.append(f"{table.path.name} names its columns and has no rows (0).")
    except UserError as error:
        problems.append(str(error))
    if unsound:
        notes.append(f"{unsound:,} of the first {checked:,} rows of {table.path.name} would be left out.")
    try:
        parse_moments(dict.fromkeys(moments), dialect.dates)
    except UserError as error:
        # Later rows of a long file may settle the order.
        (problems if checked < CHECKED_ROWS else notes).append(str(error))
    return Part(content, table.path.name, table.columns, column_names(table, columns), tuple(rows))


def _fault(fields: Sequence[str], columns: Mapping[str, int]) -> str | None:
    """What is wrong with a row."""
    for name in NEEDED:
        if name in columns and not fields[columns[name]].strip():
            return f"the {name} is empty"
    for name, parse in (("rating", parse_rating), ("timestamp", parse_moment)):
        if name in columns:
            try:
                parse(fields[columns[name]])
            except ValueError:
                text = fields[columns[name]]
                if (name == "rating" and decimal_commas([text])) or (
                    name == "timestamp" and can_be_moment(text)
                ):
                    continue
                return f"the {name} {quoted(fields[columns[name]])} cannot be read"
    return None
