"""The items of a source: a key, a title, and every other column as a text attribute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from promptrec_tui.datasets.encodings import Tick
from promptrec_tui.datasets.places import located, quoted, shown_name
from promptrec_tui.datasets.tables import Table
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


def read_catalogue(table: Table, columns: Mapping[str, int], tick: Tick | None = None) -> Catalogue:
    """Read the items of `table`; `columns` says where key and title stand.

    An item without a title is called by its key.
    Raises UserError, with file and line, for an empty key, a key that stands twice, a key or title too long.
    """
    lines: dict[str, int] = {}
    titles: list[str] = []
    attributes: list[dict[str, str]] = []
    untitled = 0
    key_column, title_column = columns["key"], columns["title"]
    others = [
        (i, name) for i, name in enumerate(table.columns) if name and i not in (key_column, title_column)
    ]
    for line, fields in table.rows(tick):
        key, title = fields[key_column], fields[title_column]
        if not key:
            raise located(
                table.path,
                line,
                f"the item's key ({table.columns[key_column]}) is empty. Fill it in",
                table.unit,
            )
        if key in lines:
            fault = f"item {quoted(key)} stands in {table.unit} {lines[key]} already. Keep one"
            raise located(table.path, line, fault, table.unit)
        for name, text, limit in (("key", key, KEY_LIMIT), ("title", title, TITLE_LIMIT)):
            if len(text) > limit:
                fault = f"the {name} has {len(text):,} characters, {limit:,} at most. Shorten it"
                raise located(table.path, line, fault, table.unit)
        if not title.strip():
            untitled += 1
            title = key
        lines[key] = line
        titles.append(title)
        attributes.append({name: fields[i] for i, name in others})
    if not lines:
        raise UserError(
            f"{shown_name(table.path)} names its columns and has no items. Add a row for each item."
        )
    ids = {key: item_id for item_id, key in enumerate(lines)}
    empty = (f"{untitled:,} items have no title and are called by their key.",) if untitled else ()
    return Catalogue(ids, tuple(titles), tuple(attributes), empty + _remarks(titles))


def bare_catalogue(keys: Sequence[str]) -> Catalogue:
    """The catalogue of a source without an items file: every item is called by its key."""
    note = "There is no items file: each item is called by its key, and a model sees nothing else of it."
    ids = {key: item_id for item_id, key in enumerate(keys)}
    return Catalogue(ids, tuple(ids), tuple({} for _ in ids), (note, *_remarks(ids)))


def _remarks(titles: Iterable[str]) -> tuple[str, ...]:
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
