"""Titles and attributes inside the interactions file, repeated for each event.

Exports of shops and of Kaggle have this shape. A column describes the items when it is the same in nearly
all events of an item, and the users when it is so for a user; of several values the last one counts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from promptrec_tui.datasets.catalogue import TITLE_LIMIT, Catalogue, Profiles, bare_catalogue, title_remarks
from promptrec_tui.datasets.columns import find_columns
from promptrec_tui.datasets.faults import quoted, shown_name
from promptrec_tui.datasets.intake import Engine
from promptrec_tui.datasets.tables import Table

SAMPLE_ROWS = 2_000
MOST_COLUMNS = 30
MOST_CHARACTERS = 300
"""Mean length of a value; longer texts are reviews, which describe neither."""

SAME = 0.9
"""Share of the items, or users, that have one value only."""

PREFIX = "extra_"
TITLE = "title"


@dataclass(frozen=True)
class Extras:
    """Columns of the interactions beside user, item, rating and timestamp: by engine field, their names."""

    columns: Mapping[str, int]
    names: Mapping[str, str]
    title_told: bool = False


NO_EXTRAS = Extras({}, {})


def find_extras(table: Table, columns: Mapping[str, int], title_told: bool) -> Extras:
    """The columns of `table` that may describe items or users, judged by its first rows.

    `columns` are those of known fields, perhaps with a title; `title_told`: it was given by --map.
    """
    rows = list(islice(table.rows(), SAMPLE_ROWS))
    used = {index for name, index in columns.items() if name != TITLE}
    keys = {name: [fields[columns[name]] for _, fields in rows] for name in ("user", "item")}
    described = {}
    for index, name in enumerate(table.columns):
        if index in used or not name:
            continue
        values = [fields[index] for _, fields in rows]
        if columns.get(TITLE) == index:
            if title_told or _agree(keys["item"], values):
                described[TITLE] = index
        elif len(described) < MOST_COLUMNS and _may_describe(keys, values):
            described[f"{PREFIX}{index}"] = index
    return Extras(described, {name: table.columns[index] for name, index in described.items()}, title_told)


def no_title(table: Table, columns: Mapping[str, int]) -> tuple[str, ...]:
    """A note on a column called title that does not hold item titles, such as the title of a review."""
    index = find_columns(table, (TITLE,), {}, optional={TITLE}).get(TITLE)
    if index is None or TITLE in columns or index in columns.values():
        return ()
    name = quoted(table.columns[index])
    return (
        f"{name} of {shown_name(table.path)} differs among the rows of an item and was not taken for its "
        "title: --map title=COLUMN takes one.",
    )


def _may_describe(keys: Mapping[str, Sequence[str]], values: Sequence[str]) -> bool:
    present = [value for value in values if value]
    if len(set(present)) < 2 or sum(map(len, present)) > MOST_CHARACTERS * len(present):
        return False
    return any(_agree(keys[name], values, least=2) for name in ("user", "item"))


def _agree(keys: Sequence[str], values: Sequence[str], least: int = 0) -> bool:
    """Have nearly all keys with several rows one value? At least `least` of them there must be."""
    values_of: dict[str, list[str]] = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        if value:
            values_of[key].append(value)
    several = [values for values in values_of.values() if len(values) > 1]
    same = sum(len(set(values)) == 1 for values in several)
    return len(several) >= least and same >= SAME * len(several)


def described_items(engine: Engine, table: Table, extras: Extras, keys: Sequence[str]) -> Catalogue:
    """The catalogue of the items `keys`, by id, as the engine's `source` describes them."""
    titles = list(keys)
    attributes: list[dict[str, str]] = [{} for _ in keys]
    notes: list[str] = []
    used = []
    for field in extras.columns:
        values, several = _values(engine, field, "item", "items")
        is_title = field == TITLE
        if not values or (several > (1 - SAME) * len(values) and not (is_title and extras.title_told)):
            continue
        name = extras.names[field]
        used.append(quoted(name))
        for item, value in values:
            if is_title:
                titles[item] = value[:TITLE_LIMIT]
            else:
                attributes[item][name] = value
        if several:
            notes.append(f"{several:,} items have several values of {quoted(name)}: the last one counts.")
    if not used:
        return bare_catalogue(keys)
    untitled = sum(title == key for title, key in zip(titles, keys, strict=True))
    if untitled:
        notes.append(f"{untitled:,} items have no title: their key is their title.")
    source_note = f"The items are described by {shown_name(table.path)} itself: {', '.join(used)}."
    ids = {key: item for item, key in enumerate(keys)}
    return Catalogue(ids, tuple(titles), tuple(attributes), (source_note, *notes, *title_remarks(titles)))


def described_users(
    engine: Engine, table: Table, extras: Extras, users: Sequence[str]
) -> tuple[Profiles, tuple[str, ...]]:
    """The attributes of users, by key, from the engine's `source`, and notes about them.

    Columns that describe items are left out.
    """
    profiles: dict[str, dict[str, str]] = {}
    used = []
    for field in extras.columns:
        if field == TITLE or _is_of_items(engine, field):
            continue
        values, several = _values(engine, field, "user", "users")
        if values and several <= (1 - SAME) * len(values):
            used.append(quoted(extras.names[field]))
            for user, value in values:
                profiles.setdefault(users[user], {})[extras.names[field]] = value
    note = f"The users are described by {shown_name(table.path)} itself: {', '.join(used)}."
    return profiles, (note,) if used else ()


def _is_of_items(engine: Engine, field: str) -> bool:
    values, several = _values(engine, field, "item", "items")
    return bool(values) and several <= (1 - SAME) * len(values)


def _values(engine: Engine, field: str, by: str, keys: str) -> tuple[list[tuple[int, str]], int]:
    """(id, last value) of each user or item that has one, and how many have several."""
    result = engine.execute(
        f'SELECT {keys}.id, arg_max(source."{field}", source.line), count(DISTINCT source."{field}") '
        f'FROM source JOIN {keys} ON source."{by}" = {keys}.key WHERE source."{field}" IS NOT NULL '
        f"GROUP BY {keys}.id ORDER BY {keys}.id"
    )
    rows: Iterator[tuple[int, str, int]] = iter(result.fetchall())
    values, several = [], 0
    for number, value, count in rows:
        values.append((number, value))
        several += count > 1
    return values, several
