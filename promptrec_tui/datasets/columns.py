"""Which column of a table holds which field: as the person says, else by the common names."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from promptrec_tui.datasets.faults import listed, quoted, shown_name
from promptrec_tui.datasets.tables import Table
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

INTERACTION_FIELDS = ("user", "item", "rating", "timestamp")
ITEM_FIELDS = ("key", "title")
USER_FIELDS = ("user",)
LABELLED_FIELDS = ("text", "label", "split")
INSTRUCTION_FIELDS = ("instruction", "input", "output", "split")
FIELDS = tuple(dict.fromkeys((*INTERACTION_FIELDS, *ITEM_FIELDS, *LABELLED_FIELDS, *INSTRUCTION_FIELDS)))
EVENT_FIELDS = (*INTERACTION_FIELDS, "title")
"""Of interactions that describe their items themselves."""

OPTIONAL = frozenset({"rating", "timestamp", "input", "split"})

_ITEM_NAMES = (
    "item", "itemid", "video", "videoid",
    "movie", "movieid", "film", "filmid", "product", "productid", "parentasin", "asin",
    "sku", "book", "bookid", "isbn", "song", "songid", "track", "trackid", "artist", "artistid",
    "article", "articleid", "news", "newsid", "game", "gameid", "business", "businessid",
)  # fmt: skip
COMMON_NAMES: Mapping[str, tuple[str, ...]] = {
    "user": (
        "user",
        "userid",
        "uid",
        "username",
        "customer",
        "customerid",
        "reviewerid",
        "memberid",
        "visitorid",
    ),
    "item": _ITEM_NAMES,
    "rating": ("rating", "ratings", "score", "stars", "overall"),
    # The finer ones first: of a date and a moment in milliseconds the second one orders a day's events.
    "timestamp": (
        *("timestampns", "timestampus", "timestampms", "timems", "timestamp", "unixtime", "unixreviewtime"),
        *("ts", "eventtimestamp", "eventtime", "datetime", "time", "createdat", "ratedat", "watchedat"),
        *("playedat", "listenedat", "timeadded", "invoicedate", "orderdate", "purchasedate", "reviewtime"),
        *("reviewdate", "eventdate", "date"),
    ),
    "key": (*_ITEM_NAMES, "key", "id"),
    "title": (
        "title",
        "name",
        "itemname",
        "itemtitle",
        "movietitle",
        "filmtitle",
        "booktitle",
        "productname",
    ),
    "text": (
        "text",
        "sentence",
        "question",
        "query",
        "utterance",
        "review",
        "comment",
        "headline",
        "content",
    ),
    "label": ("label", "labels", "category", "intent", "sentiment", "class", "topic"),
    "instruction": ("instruction",),
    "input": ("input",),
    "output": ("output", "response"),
    "split": ("split",),
}
"""Names by which a column is known, the surest first; letter case, spaces, `_` and `-` don't count."""


def check_mapping(mapping: Mapping[str, str], fields: Sequence[str]) -> None:
    """Raise UserError for a mapping of a field that no table of this import has."""
    for field in mapping:
        if field in fields:
            continue
        if field in ITEM_FIELDS and "item" in fields:
            raise UserError(f"The field {field} is one of the items file. Name that file with --items FILE.")
        raise UserError(f"There is no field {quoted(field)} to map. The fields are {', '.join(fields)}.")


def has_columns(names: Sequence[str], *fields: str) -> bool:
    """Is there a column for each of these fields, by the common names?"""
    plain = {_plain(name) for name in names}
    return all(plain.intersection(COMMON_NAMES[field]) for field in fields)


def usual_names(names: Sequence[str]) -> int:
    """How many of these have one of the names by which fields are known?"""
    known = {name for usual in COMMON_NAMES.values() for name in usual}
    return sum(_plain(name) in known for name in names)


def find_columns(
    table: Table,
    fields: Sequence[str],
    mapping: Mapping[str, str],
    likely: Mapping[str, str] | None = None,
    optional: Collection[str] = OPTIONAL,
) -> dict[str, int]:
    """The column index of each field that `table` has; those in `optional` may be absent.

    `mapping` (field -> column name) decides; then a column called as in `likely`; then the common names.
    Raises UserError when a column that was named is not there, or a field that is needed has none.
    """
    # A column without a name, such as the row numbers that pandas writes, is no field's.
    names = {_plain(column): index for index, column in reversed(list(enumerate(table.columns)))}
    names.pop("", None)
    columns = {field: _named(table, field, mapping[field]) for field in fields if field in mapping}
    for field in fields:
        if field in columns:
            continue
        guesses = (_plain((likely or {}).get(field, "")), *COMMON_NAMES[field])
        free = (names[guess] for guess in guesses if guess in names and names[guess] not in columns.values())
        index = next(free, None)
        if index is not None:
            columns[field] = index
        elif field not in optional:
            raise _missing(table, field, columns.values())
    return columns


def moment_columns(table: Table, columns: Mapping[str, int]) -> list[int]:
    """The columns with a usual name for timestamps that are not used for a field yet."""
    return [
        index
        for index, name in enumerate(table.columns)
        if _plain(name) in COMMON_NAMES["timestamp"] and index not in columns.values()
    ]


def other_moments(table: Table, columns: Mapping[str, int]) -> tuple[str, ...]:
    """A note on the column that timestamps are read from, where several are possible."""
    if "timestamp" not in columns:
        return ()
    used = columns["timestamp"]
    others = [table.columns[index] for index in moment_columns(table, columns)]
    if not others:
        return ()
    note = (
        f"The timestamps of {shown_name(table.path)} are read from {quoted(table.columns[used])}, not from "
    )
    return (f"{note}{', '.join(map(quoted, others))}: --map timestamp=COLUMN takes another.",)


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _named(table: Table, field: str, column: str) -> int:
    if column in table.columns:
        return table.columns.index(column)
    near = get_close_matches(column, table.columns, n=1)
    hint = f" Did you mean --map {field}={clean(near[0])}?" if near else ""
    raise UserError(
        f"{shown_name(table.path)} has no column {quoted(column)} for {field}. {_listed(table)}{hint}",
    )


def _missing(table: Table, field: str, used: Collection[int]) -> UserError:
    near = get_close_matches(field, [name for n, name in enumerate(table.columns) if n not in used], n=1)
    mixed = next((name for name in table.columns if any(mark in name for mark in ",;|\t")), None)
    if len(table.columns) == 1:
        advice = "Separate the fields by commas, tabs or semicolons, or say with --separator what does."
    elif mixed:
        advice = (
            f"The name {quoted(mixed)} holds another separator: write one throughout, or say it with "
            f"--separator; if the name is right, say --map {field}=COLUMN."
        )
    elif near:
        advice = f"Did you mean --map {field}={clean(near[0])}?"
    else:
        advice = f"Say which column it is with --map {field}=COLUMN."
    return UserError(f"{shown_name(table.path)} has no column for {field}. {_listed(table)} {advice}")


def _listed(table: Table) -> str:
    return f"Columns found: {listed(table.columns)}."
