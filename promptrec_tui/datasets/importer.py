"""From source files to one dataset file: read, check, write; all of it or nothing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING

from promptrec_tui.datasets.catalogue import Catalogue, Profiles, read_catalogue, read_profiles
from promptrec_tui.datasets.columns import (
    OPTIONAL,
    check_mapping,
    find_columns,
    moment_columns,
    other_moments,
)
from promptrec_tui.datasets.dataset import Example, Item, User
from promptrec_tui.datasets.described import (
    NO_EXTRAS,
    TITLE,
    described_items,
    described_users,
    find_extras,
    no_title,
)
from promptrec_tui.datasets.dialects import AS_USUAL, Dialect, check_quoting
from promptrec_tui.datasets.encodings import check_encoding
from promptrec_tui.datasets.examples import read_examples
from promptrec_tui.datasets.faults import BadRows
from promptrec_tui.datasets.intake import opened_engine
from promptrec_tui.datasets.separators import check_separator
from promptrec_tui.datasets.sources import Reading, Source, open_source
from promptrec_tui.datasets.splits import check_no_splits, check_splits
from promptrec_tui.datasets.staging import staging_folder
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.datasets.values import check_order, finest
from promptrec_tui.datasets.writer import write_dataset
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file
from promptrec_tui.text import path_text

if TYPE_CHECKING:
    from promptrec_tui.datasets.interactions import Interactions
    from promptrec_tui.datasets.tally import Tally

MOMENT_ROWS, MOMENT_COLUMNS = 200, 50
"""How many rows and columns are read to choose the timestamp column with the finest resolution."""

Progress = Callable[[str, int, int], None]
"""Called with phase, done and total (0 = unknown): bytes or percent while reading, rows while writing.

The phases are "reading items", "reading users", "reading interactions", "sorting", "writing"; for texts,
"writing" alone. What it raises ends the import.
"""


@dataclass(frozen=True)
class ImportOptions:
    """How to read a source: format, encoding, the items file that goes with it, columns by field, form, and
    what names of splits mean.
    """

    format: str = "auto"
    items: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    dialect: Dialect = AS_USUAL
    splits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """What an import wrote: the dataset file's SHA-256, counts, and warnings."""

    sha256: str
    format: str
    users: int
    items: int
    interactions: int
    examples: int
    rejected: int
    warnings: tuple[str, ...]


def import_dataset(
    source: Path, target: Path, options: ImportOptions, progress: Progress | None = None
) -> Imported:
    """Import `source` into the new dataset file `target`.

    Users get dense ids by first appearance, items by their place in their file (items without events stay);
    a history is ordered by timestamp, then source line. Raises UserError when the source is invalid; after
    any exception, KeyboardInterrupt too, nothing is left.
    """
    report = progress or _silent
    with staging_folder(target.parent) as staging:
        opened = open_source(source, options.format, options.items, reading(options, staging))
        columns = map_columns(opened, options.mapping)
        if opened.has_examples:
            return _write_examples(target, opened, columns, options, report)
        check_no_splits(options.splits)
        return _write_interactions(target, opened, columns, options, staging, report)


def reading(options: ImportOptions, staging: Path) -> Reading:
    """The reading settings from the options. Raises UserError for an unknown value."""
    dialect = replace(
        options.dialect,
        quoting=check_quoting(options.dialect.quoting),
        dates=check_order(options.dialect.dates),
        separator=check_separator(options.dialect.separator),
    )
    encoding = check_encoding(options.encoding) if options.encoding else None
    return Reading(encoding, staging, dialect, options.mapping)


def map_columns(source: Source, mapping: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """The column of each field that a table of `source` has, by content. Raises as `find_columns`."""
    fields = dict.fromkeys(name for content in source.tables for name in source.fields(content))
    check_mapping(mapping, tuple(fields))
    columns: dict[str, dict[str, int]] = {}
    for content, table in source.tables.items():
        likely = {}
        if content in ("items", "users"):
            # The columns of keys are probably called as in the interactions.
            known = column_names(source.tables["interactions"], columns["interactions"])
            likely = {"key": known["item"], "user": known["user"]}
        optional = OPTIONAL | {"title"} if content == "interactions" else OPTIONAL
        columns[content] = find_columns(table, source.fields(content), mapping, likely, optional)
        if "timestamp" in columns[content] and "timestamp" not in mapping:
            columns[content]["timestamp"] = _finest(table, columns[content])
        if "title" in columns[content] and content == "interactions" and "title" not in mapping:
            with suppress(UserError):  # the import itself reports it
                if TITLE not in find_extras(table, columns[content], False).columns:
                    del columns[content]["title"]
    return columns


def _finest(table: Table, columns: Mapping[str, int]) -> int:
    """The timestamp column of the finest resolution in the first rows: the one found by name, or another."""
    used = columns["timestamp"]
    try:
        rows = [fields for _, fields in islice(table.rows(), MOMENT_ROWS)]
    except UserError:
        # The import itself reports the same fault.
        return used
    usual = moment_columns(table, columns)
    others = [index for index in range(len(table.columns)) if index not in (*columns.values(), *usual)]
    free = [used, *usual, *others][:MOMENT_COLUMNS]
    return free[finest([[fields[index].strip() for fields in rows] for index in free], 1 + len(usual))]


def _write_interactions(
    target: Path,
    source: Source,
    columns: Mapping[str, Mapping[str, int]],
    options: ImportOptions,
    staging: Path,
    report: Progress,
) -> Imported:
    from promptrec_tui.datasets.interactions import read_interactions
    from promptrec_tui.datasets.tally import Tally

    def tick(phase: str) -> Tick:
        return lambda done, total: report(phase, done, total)

    skip_bad = options.dialect.skip_bad
    catalogue = None
    if items := source.tables.get("items"):
        catalogue = read_catalogue(items, columns["items"], tick("reading items"), skip_bad)
    profiles: Profiles = {}
    if users := source.tables.get("users"):
        profiles = read_profiles(users, columns["users"], tick("reading users"))
    table = source.tables["interactions"]
    extras = NO_EXTRAS
    of_users: tuple[str, ...] = ()
    if source.describes_itself:
        extras = find_extras(table, columns["interactions"], "title" in options.mapping)
    wanted = {name: index for name, index in columns["interactions"].items() if name != "title"}
    with opened_engine(staging) as engine:
        keys = list(catalogue.ids) if catalogue else None
        interactions = read_interactions(
            engine, table, {**wanted, **extras.columns}, keys, tick, options.dialect
        )
        if catalogue is None:
            catalogue = described_items(engine, table, extras, interactions.items)
            described, of_users = described_users(engine, table, extras, interactions.users)
            profiles = profiles or described
        tally = Tally(len(catalogue.ids), timed="timestamp" in columns["interactions"])
        counts = {
            "users": len(interactions.users),
            "items": len(catalogue.ids),
            "interactions": interactions.count,
            "examples": 0,
            "rejected": interactions.rejected,
        }

        def warnings() -> tuple[str, ...]:
            remarks = (*interactions.warnings, *tally.remarks(), *catalogue.warnings, *of_users)
            chosen = other_moments(table, columns["interactions"])
            if source.describes_itself:
                chosen += no_title(table, columns["interactions"])
            return (*_notes(source), *chosen, *remarks, *_idle(profiles, interactions))

        sha256 = write_dataset(
            target,
            lambda: _meta(source, columns, warnings(), counts),
            _items(catalogue, tally),
            _users(interactions, profiles),
            tally.rows(interactions, tick("writing")),
        )
        return Imported(sha256=sha256, format=source.format, warnings=warnings(), **counts)


def _write_examples(
    target: Path,
    source: Source,
    columns: Mapping[str, Mapping[str, int]],
    options: ImportOptions,
    report: Progress,
) -> Imported:
    counts = {"users": 0, "items": 0, "interactions": 0, "examples": 0, "rejected": 0}

    def counted(examples: Iterator[Example]) -> Iterator[Example]:
        for example in examples:
            counts["examples"] += 1
            yield example

    bad = BadRows(options.dialect.skip_bad)
    examples = read_examples(
        source.tables,
        columns,
        lambda done, total: report("writing", done, total),
        bad,
        check_splits(options.splits),
    )

    def warnings() -> tuple[str, ...]:
        counts["rejected"] = bad.count
        return (*_notes(source), *bad.notes())

    sha256 = write_dataset(
        target, lambda: _meta(source, columns, warnings(), counts), (), (), (), counted(examples)
    )
    return Imported(sha256=sha256, format=source.format, warnings=warnings(), **counts)


def _meta(
    source: Source,
    columns: Mapping[str, Mapping[str, int]],
    warnings: Sequence[str],
    counts: Mapping[str, int],
) -> dict[str, str]:
    sources = {
        content: [path_text(Path(table.path.name)), sha256_file(table.path)]
        for content, table in source.tables.items()
    }
    named = {content: column_names(table, columns[content]) for content, table in source.tables.items()}
    return {
        "format": source.format,
        "sources": _json(sources),
        "columns": _json(named),
        "warnings": _json(warnings),
        **{name: str(count) for name, count in counts.items()},
    }


def column_names(table: Table, columns: Mapping[str, int]) -> dict[str, str]:
    """The column's name of each field."""
    return {name: table.columns[index] for name, index in columns.items()}


def _notes(source: Source) -> tuple[str, ...]:
    return (*source.notes, *dict.fromkeys(note for table in source.tables.values() for note in table.notes))


def _items(catalogue: Catalogue, tally: "Tally") -> Iterator[Item]:
    # Counted only once the interactions went by.
    events = tally.events.tolist()
    yield from map(Item, range(len(events)), catalogue.ids, catalogue.titles, catalogue.attributes, events)


def _users(interactions: "Interactions", profiles: Profiles) -> Iterator[User]:
    lengths = interactions.lengths.tolist()
    attributes = (profiles.get(key, {}) for key in interactions.users)
    first_rows = accumulate(lengths, initial=0)
    return map(User, range(len(lengths)), interactions.users, lengths, first_rows, attributes)


def _idle(profiles: Profiles, interactions: "Interactions") -> tuple[str, ...]:
    """A warning about users of the users file that have no event."""
    idle = len(profiles) - sum(key in profiles for key in interactions.users)
    return (f"{idle:,} users of the users' file have no event and are left out.",) if idle else ()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _silent(phase: str, done: int, total: int) -> None: ...
