"""The items and users of a source: keys, titles, and every other column as a text attribute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from promptrec_tui.datasets.faults import BadRows, located, quoted, rows, shown_name
from promptrec_tui.datasets.tables import Table, Tick
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

TITLE_LIMIT = 2_000
KEY_LIMIT = 1_000


@dataclass(frozen=True)
class Catalogue:
    """Items in the order of their file: `ids` maps a key to its dense id, the index of the other two."""

    ids: Mapping[str, int]
    titles: tuple[str, ...]
    attributes: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...] = ()


def read_catalogue(
    table: Table, columns: Mapping[str, int], tick: Tick | None = None, skip_bad: bool = False
) -> Catalogue:
    """Read the items of `table`; `columns` gives the columns of key and title.

    An item without a title gets its key as title; a row that is repeated letter for letter counts
    once. Raises UserError, with file and line, for an empty key, a key that stands there twice with other
    fields, and a key or title that is too long; with `skip_bad` such rows are left out.
    """
    lines: dict[str, int] = {}
    titles: list[str] = []
    attributes: list[dict[str, str]] = []
    untitled = repeated = 0
    bad = BadRows(skip_bad)
    key_column, title_column = columns["key"], columns["title"]
    others = [
        (i, name) for i, name in enumerate(table.columns) if name and i not in (key_column, title_column)
    ]
    ids: dict[str, int] = {}
    for line, fields in table.rows(tick):
        key, title = fields[key_column], fields[title_column]
        described = {name: fields[i] for i, name in others}
        if not key:
            bad.add(table, line, f"the item's key ({table.columns[key_column]}) is empty", "Fill it in")
        elif key in ids:
            before = ids[key]
            if (title if title.strip() else key) == titles[before] and described == attributes[before]:
                repeated += 1
                continue
            fault = f"item {quoted(key)} stands in {table.unit} {lines[key]} already, with other fields"
            bad.add(table, line, fault, "Keep one")
        elif len(key) > KEY_LIMIT:
            fault = f"the key has {len(key):,} characters, {KEY_LIMIT:,} at most ({quoted(key)})"
            bad.add(table, line, fault, "Shorten it")
        elif len(title) > TITLE_LIMIT:
            fault = f"the title has {len(title):,} characters, {TITLE_LIMIT:,} at most (item {quoted(key)})"
            bad.add(table, line, fault, "Shorten it")
        else:
            if not title.strip():
                untitled += 1
                title = key
            lines[key] = line
            ids[key] = len(ids)
            titles.append(title)
            attributes.append(described)
    bad.finish()
    if not lines:
        raise UserError(
            f"{shown_name(table.path)} names its columns and has no items. Add a row for each item."
        )
    warnings = list(bad.notes())
    if untitled:
        warnings.append(f"{untitled:,} items have no title: their key is their title.")
    if repeated:
        warnings.append(f"{rows(repeated)} of items repeated letter for letter: each item counts once.")
    return Catalogue(ids, tuple(titles), tuple(attributes), (*warnings, *title_remarks(titles)))


def bare_catalogue(keys: Sequence[str]) -> Catalogue:
    """The catalogue of a source without an items file: the title of every item is its key."""
    note = "There is no items file: the title of each item is its key, and a model sees nothing else of it."
    ids = {key: item_id for item_id, key in enumerate(keys)}
    return Catalogue(ids, tuple(ids), tuple({} for _ in ids), (note, *title_remarks(ids)))


def title_remarks(titles: Iterable[str]) -> tuple[str, ...]:
    """Warnings about titles with control characters and titles that several items share."""
    all_titles = list(titles)
    unclean = sum(clean(title) != title for title in all_titles)
    shared = len(all_titles) - len(set(all_titles))
    remarks = []
    if unclean:
        remarks.append(
            f"{unclean:,} titles hold control or text direction characters: "
            "kept as they are, cleaned where they are shown."
        )
    if shared:
        remarks.append(
            f"{shared:,} items share their title with an earlier item; a model cannot tell them apart."
        )
    return tuple(remarks)


Profiles = Mapping[str, Mapping[str, str]]
"""Attributes by the key of a user."""


def read_profiles(table: Table, columns: Mapping[str, int], tick: Tick | None = None) -> Profiles:
    """Read the users of `table`; `columns` gives the column of the key.

    Raises UserError, with file and line, for a key that is empty, too long, or repeated.
    """
    column = columns["user"]
    others = [(i, name) for i, name in enumerate(table.columns) if name and i != column]
    lines: dict[str, int] = {}
    profiles: dict[str, dict[str, str]] = {}
    for line, fields in table.rows(tick):
        key = fields[column]
        fault = ""
        if not key:
            fault = f"the user's key ({table.columns[column]}) is empty. Fill it in"
        elif len(key) > KEY_LIMIT:
            fault = f"the key has {len(key):,} characters, {KEY_LIMIT:,} at most. Shorten it"
        elif key in lines:
            fault = f"user {quoted(key)} stands in {table.unit} {lines[key]} already. Keep one"
        if fault:
            raise located(table.path, line, fault, table.unit)
        lines[key] = line
        profiles[key] = {name: fields[i] for i, name in others}
    return profiles
