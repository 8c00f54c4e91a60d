"""The dataset file, read: one immutable SQLite file per dataset version."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from promptrec_tui.datasets.splits import order
from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

if TYPE_CHECKING:
    from promptrec_tui.datasets.events import Events

FORMAT_VERSION = "3"
READABLE = ("1", "2", FORMAT_VERSION)
"""Version 1 has no column `folded`, the text to search in: it is made while searching. Before version 3 users
have no attributes."""

NEAREST_AMONG = 5_000


@dataclass(frozen=True)
class Item:
    """Something that can be recommended; `events` is how often the file's users had it."""

    item_id: int
    key: str
    title: str
    attributes: Mapping[str, str]
    events: int

    @property
    def texts(self) -> dict[str, str]:
        """What templates see of the item: its attributes, and its title."""
        return {**self.attributes, "title": self.title}


@dataclass(frozen=True)
class User:
    """A user with at least one event; `first_row` is the number of the user's first row in `Dataset.rows`."""

    user_id: int
    key: str
    events: int
    first_row: int
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One interaction; `position` counts from 0 in the user's history, `timestamp` in the source's unit."""

    user: str
    position: int
    item_key: str
    title: str
    rating: float | None
    timestamp: int | None


@dataclass(frozen=True)
class Example:
    """One labelled text: its fields by name, and the label and the split that its source gives, if any."""

    example_id: int
    fields: Mapping[str, Any]
    label: str | None
    split: str | None

    @property
    def texts(self) -> dict[str, str]:
        """The fields as templates see them: as text."""
        return {name: value if isinstance(value, str) else str(value) for name, value in self.fields.items()}


@dataclass(frozen=True)
class Counts:
    """How much the file holds."""

    users: int
    items: int
    interactions: int
    examples: int


class Dataset:
    """Reads of one dataset file; a context manager. Stays in the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, meta: dict[str, str]) -> None:
        self._connection = connection
        self.meta = meta
        """Format version, source files and their SHA-256, columns used, counts, warnings."""
        self._old = meta["format_version"] == "1"
        self._attributes = "attributes" if int(meta["format_version"]) >= 3 else "'{}'"
        self.counts = Counts(*(int(meta[name]) for name in ("users", "items", "interactions", "examples")))

    def __enter__(self) -> "Dataset":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def items(self) -> list[Item]:
        """All items; the index of an item is its id."""
        return self._items("ORDER BY item_id")

    def find_items(self, text: str, limit: int = 10) -> list[Item]:
        """Items to complete a title that is being typed.

        Titles that start with `text` come first, then those that contain it, each by number of events; letter
        case does not count.
        """
        title = "folded(title)" if self._old else "folded"
        return self._items(
            f"WHERE instr({title}, :text) "
            f"ORDER BY instr({title}, :text) > 1, events DESC, item_id LIMIT :limit",
            {"text": text.casefold(), "limit": limit},
        )

    def item_by_title(self, title: str) -> Item | None:
        """The most popular item of that title, ignoring letter case where none matches exactly."""
        where = (
            f"WHERE {'folded(title)' if self._old else 'folded'} = :folded "
            "ORDER BY title = :title DESC, events DESC, item_id LIMIT 1"
        )
        return next(iter(self._items(where, {"title": title, "folded": title.casefold()})), None)

    def item_by_key(self, key: str) -> Item | None:
        """The item of that source key."""
        return next(iter(self._items("WHERE key = :key", {"key": key})), None)

    def users(self, start: int = 0, limit: int = 100, contains: str = "") -> list[User]:
        """Up to `limit` users, from user id `start` on, whose key contains the text ignoring letter case.

        The next page starts at the last one's id + 1.
        """
        key = "folded(key)" if self._old else "folded"
        return self._users(
            f"WHERE user_id >= :start AND instr({key}, :text) ORDER BY user_id LIMIT :limit",
            {"start": start, "text": contains.casefold(), "limit": limit},
        )

    def user(self, key: str) -> User:
        """The user of that source key. Raises UserError, with the nearest key, when there is none."""
        if matching := self._users("WHERE key = :key", {"key": key}):
            return matching[0]
        keys = [user.key for user in self.users(limit=NEAREST_AMONG)]
        near = get_close_matches(key, keys, n=1)
        hint = f'Did you mean "{clean(near[0])}"?' if near else f'Users are called like "{clean(keys[0])}".'
        raise UserError(f'There is no user "{clean(key)}" in this dataset. {hint}')

    def user_at(self, user_id: int) -> User:
        """The user of that id. Raises IndexError when there is none."""
        if matching := self._users("WHERE user_id = :user_id", {"user_id": user_id}):
            return matching[0]
        raise IndexError(user_id)

    def history(self, user_id: int) -> list[Row]:
        """All interactions of a user, oldest first."""
        return self._rows("WHERE interaction.user_id = :user_id", {"user_id": user_id, "limit": -1})

    def holders(
        self, item_id: int, limit: int, progress: Callable[[int, int], None] = lambda done, users: None
    ) -> list[Row]:
        """The first `limit` interactions with an item, user by user.

        It looks through all histories, which are in no order of items: seconds in a large file. Calls
        `progress(done, users)` about a hundred times.
        """
        users, rows = self.counts.users, list[Row]()
        step = max(1, users // 100)
        for start in range(0, users, step):
            rows += self._rows(
                "WHERE interaction.user_id >= :start AND interaction.user_id < :end "
                "AND interaction.item_id = :item",
                {"start": start, "end": start + step, "item": item_id, "limit": limit - len(rows)},
            )
            progress(min(start + step, users), users)
            if len(rows) >= limit:
                break
        return rows

    def rows(self, start: int, limit: int) -> list[Row]:
        """Up to `limit` interactions from row number `start` on: user by user, oldest first."""
        user = self._users("WHERE first_row <= :start ORDER BY first_row DESC LIMIT 1", {"start": start})[0]
        return self._rows(
            "WHERE (interaction.user_id, interaction.position) >= (:user_id, :position)",
            {"user_id": user.user_id, "position": start - user.first_row, "limit": limit},
        )

    def sequence(self, user_id: int, tie_rule: str = "line") -> list[int]:
        """A user's item ids, oldest first; `tie_rule` orders those at the same timestamp."""
        events = self._connection.execute(
            "SELECT item_id, timestamp FROM interaction WHERE user_id = ? ORDER BY position", (user_id,)
        )
        return order(events.fetchall(), tie_rule)

    def sequences(self, tie_rule: str = "line") -> Iterator[tuple[int, list[int]]]:
        """(user id, item ids oldest first) of every user, streamed."""
        events = self._connection.execute(
            "SELECT user_id, item_id, timestamp FROM interaction ORDER BY user_id, position"
        )
        for user_id, group in groupby(events, key=itemgetter(0)):
            yield user_id, order([event[1:] for event in group], tie_rule)

    def events(self) -> "Events":
        """All interactions as arrays, user by user, oldest first. Loads numpy."""
        from promptrec_tui.datasets.events import COLUMNS, gather

        rows = self._connection.execute(f"SELECT {COLUMNS} FROM interaction ORDER BY user_id, position")
        return gather(rows, self.counts.interactions)

    def user_keys(self) -> list[str]:
        """The source keys of all users; the index of a key is the user's id."""
        return [key for (key,) in self._connection.execute("SELECT key FROM user ORDER BY user_id")]

    def profiles(self) -> list[dict[str, str]]:
        """The attributes of all users, in the order of their ids."""
        rows = self._connection.execute(f"SELECT {self._attributes} FROM user ORDER BY user_id")
        return [json.loads(text) for (text,) in rows]

    def examples(self, start: int = 0, limit: int = -1) -> Iterator[Example]:
        """The labelled texts from id `start` on, in the order of their source, streamed; -1: to the last."""
        rows = self._connection.execute(
            "SELECT example_id, fields, label, split FROM example WHERE example_id >= ? "
            "ORDER BY example_id LIMIT ?",
            (start, limit),
        )
        for example_id, fields, label, split in rows:
            yield Example(example_id, json.loads(fields), label, split)

    def _items(self, where: str, values: Mapping[str, Any] | None = None) -> list[Item]:
        rows = self._connection.execute(
            f"SELECT item_id, key, title, attributes, events FROM item {where}", values or {}
        )
        return [
            Item(item_id, key, title, json.loads(text), events) for item_id, key, title, text, events in rows
        ]

    def _users(self, where: str, values: Mapping[str, Any]) -> list[User]:
        rows = self._connection.execute(
            f"SELECT user_id, key, events, first_row, {self._attributes} FROM user {where}", values
        )
        return [
            User(user_id, key, events, first_row, json.loads(text))
            for user_id, key, events, first_row, text in rows
        ]

    def _rows(self, where: str, values: Mapping[str, Any]) -> list[Row]:
        rows = self._connection.execute(
            "SELECT user.key, position, item.key, title, rating, timestamp FROM interaction "
            f"JOIN user USING (user_id) JOIN item USING (item_id) {where} "
            "ORDER BY interaction.user_id, interaction.position LIMIT :limit",
            values,
        )
        return [Row(*row) for row in rows]


def open_dataset(path: Path) -> Dataset:
    """Open the dataset file `path` for reading.

    Raises UserError when it is missing, is no dataset file, or was written by a newer version.
    """
    if not path.is_file():
        raise UserError(f"The dataset file {path} is gone. Import the data again.")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.DatabaseError:
        connection.close()
        raise UserError(f"{path} is not a dataset file, or it is damaged. Import the data again.") from None
    if meta.get("format_version") not in READABLE:
        connection.close()
        raise UserError(
            f"{path} has the format {meta.get('format_version')}, and this version reads "
            f"{', '.join(READABLE)}. Update promptrec."
        )
    if meta["format_version"] == "1":
        connection.create_function("folded", 1, str.casefold, deterministic=True)
    return Dataset(connection, meta)
