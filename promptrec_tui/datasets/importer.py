"""From source files to one dataset file: read, check, write; all of it or nothing."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from promptrec_tui.datasets.catalogue import Catalogue, bare_catalogue, read_catalogue
from promptrec_tui.datasets.columns import INTERACTION_FIELDS, ITEM_FIELDS, check_mapping, find_columns
from promptrec_tui.datasets.dataset import Item, User
from promptrec_tui.datasets.interactions import Interactions, read_interactions
from promptrec_tui.datasets.sources import Source, open_source
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.datasets.writer import Interaction, write_dataset
from promptrec_tui.files import sha256_file
from promptrec_tui.text import path_text

Progress = Callable[[str, int, int], None]
"""Called with phase, done and total (0 = unknown): bytes while reading, interactions while writing.

The phases are "reading items", "reading interactions", "writing". What it raises ends the import.
"""

TICK_ROWS = 8192


@dataclass(frozen=True)
class ImportOptions:
    """How to read a source: its format, the items file that goes with it, and columns by field."""

    format: str = "auto"
    items: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """What an import wrote: the dataset file's SHA-256, counts, and sentences a person should read."""

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
    a history is ordered by timestamp, then source line. Raises UserError when the source is not sound; after
    any exception, KeyboardInterrupt too, nothing is left.
    """
    report = progress or _silent
    found = open_source(source, options.format, options.items)
    check_mapping(options.mapping, with_items=found.items is not None)
    columns = find_columns(found.interactions, INTERACTION_FIELDS, options.mapping)
    named = {"interactions": _column_names(found.interactions, columns)}
    catalogue = None
    if found.items:
        likely = {"key": found.interactions.columns[columns["item"]]}
        item_columns = find_columns(found.items, ITEM_FIELDS, options.mapping, likely)
        named["items"] = _column_names(found.items, item_columns)
        catalogue = read_catalogue(found.items, item_columns, _tick(report, "reading items"))
    ids: dict[str, int] = {}

    def new_or_known(key: str) -> int:
        return ids.setdefault(key, len(ids))

    item_id = catalogue.ids.get if catalogue else new_or_known
    interactions = read_interactions(
        found.interactions, columns, item_id, _tick(report, "reading interactions")
    )
    return _write(target, found, named, catalogue or bare_catalogue(ids), interactions, report)


def _write(
    target: Path,
    source: Source,
    columns: Mapping[str, Mapping[str, str]],
    catalogue: Catalogue,
    interactions: Interactions,
    report: Progress,
) -> Imported:
    events = [0] * len(catalogue.ids)
    for history in interactions.histories:
        for _, _, item_id, _ in history:
            events[item_id] += 1
    notes = tuple(note for table in source.tables.values() for note in table.notes)
    warnings = (*notes, *interactions.warnings, *catalogue.warnings)
    counts = {
        "users": len(interactions.users),
        "items": len(catalogue.ids),
        "interactions": sum(events),
        "examples": 0,
        "rejected": interactions.rejected,
    }
    meta = {
        "format": source.format,
        "sources": _json(
            {
                content: [path_text(Path(table.path.name)), sha256_file(table.path)]
                for content, table in source.tables.items()
            }
        ),
        "columns": _json(columns),
        "warnings": _json(warnings),
        **{name: str(count) for name, count in counts.items()},
    }
    sha256 = write_dataset(
        target,
        meta,
        map(Item, range(len(events)), catalogue.ids, catalogue.titles, catalogue.attributes, events),
        _users(interactions),
        _interactions(interactions, counts["interactions"], report),
    )
    return Imported(sha256=sha256, format=source.format, warnings=warnings, **counts)


def _users(interactions: Interactions) -> Iterator[User]:
    lengths = [len(history) for history in interactions.histories]
    first_rows = accumulate(lengths, initial=0)
    return map(User, range(len(lengths)), interactions.users, lengths, first_rows)


def _interactions(interactions: Interactions, total: int, report: Progress) -> Iterator[Interaction]:
    row = 0
    for user_id, history in enumerate(interactions.histories):
        for position, (moment, line, item_id, rating) in enumerate(history):
            if row % TICK_ROWS == 0:
                report("writing", row, total)
            row += 1
            timestamp = None if moment is None else math.floor(moment)
            yield user_id, position, item_id, rating, timestamp, line
    report("writing", total, total)


def _column_names(table: Table, columns: Mapping[str, int]) -> dict[str, str]:
    return {name: table.columns[index] for name, index in columns.items()}


def _tick(report: Progress, phase: str) -> Tick:
    return lambda done, total: report(phase, done, total)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _silent(phase: str, done: int, total: int) -> None:
    pass
