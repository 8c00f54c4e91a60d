"""Writing the dataset file: whole or not at all; it never changes afterwards."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from promptrec_tui.datasets.dataset import FORMAT_VERSION, Example, Item, User
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file, sync_file, sync_folder

Interaction = tuple[int, int, int, float | None, int | None, int]
"""(user id, position, item id, rating, timestamp, source line)"""

BATCH = 256
"""Rows a statement: twice as fast as one by one."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE item (
    item_id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    attributes TEXT NOT NULL, events INTEGER NOT NULL, folded TEXT NOT NULL
);
CREATE TABLE user (
    user_id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, events INTEGER NOT NULL,
    first_row INTEGER NOT NULL UNIQUE, folded TEXT NOT NULL, attributes TEXT NOT NULL
);
CREATE TABLE interaction (
    user_id INTEGER NOT NULL REFERENCES user, position INTEGER NOT NULL,
    item_id INTEGER NOT NULL REFERENCES item, rating REAL, timestamp INTEGER, line INTEGER NOT NULL,
    PRIMARY KEY (user_id, position)
) WITHOUT ROWID;
CREATE TABLE example (
    example_id INTEGER PRIMARY KEY, fields TEXT NOT NULL, label TEXT, split TEXT
);
"""


def write_dataset(
    target: Path,
    meta: Callable[[], Mapping[str, str]],
    items: Iterable[Item],
    users: Iterable[User],
    interactions: Iterable[Interaction],
    examples: Iterable[Example] = (),
) -> str:
    """Write a dataset file and return its SHA-256. Equal contents give equal bytes.

    Items, users and examples come in the order of their ids, interactions in that of (user id, position).
    Interactions are taken first and `meta` is asked last, so all others may count what went by. The file
    grows beside `target` and takes its name when it is on the disk; after any exception, also of an iterable,
    nothing is left. Raises FileExistsError when there is a `target` (a dataset file never
    changes), UserError when it cannot be written.
    """
    if target.exists():
        raise FileExistsError(target)
    staging = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        _fill(staging, meta, items, users, interactions, examples)
        sha256 = sha256_file(staging)
        sync_file(staging)
        staging.replace(target)
        sync_folder(target.parent)
    except BaseException as error:
        staging.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error):
            raise UserError(
                f"Cannot write {target}: {error}. Check free space and the folder's rights."
            ) from error
        raise
    return sha256


def _fill(
    path: Path,
    meta: Callable[[], Mapping[str, str]],
    items: Iterable[Item],
    users: Iterable[User],
    interactions: Iterable[Interaction],
    examples: Iterable[Example],
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # On any error the file is deleted, so it needs no journal; it is synced once, at the end.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        _insert(connection, interactions)
        connection.executemany(
            "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    item.item_id,
                    item.key,
                    item.title,
                    json.dumps(dict(item.attributes), ensure_ascii=False),
                    item.events,
                    item.title.casefold(),
                )
                for item in items
            ),
        )
        connection.executemany(
            "INSERT INTO user VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    user.user_id,
                    user.key,
                    user.events,
                    user.first_row,
                    user.key.casefold(),
                    json.dumps(dict(user.attributes), ensure_ascii=False),
                )
                for user in users
            ),
        )
        connection.executemany(
            "INSERT INTO example VALUES (?, ?, ?, ?)",
            (
                (
                    example.example_id,
                    json.dumps(dict(example.fields), ensure_ascii=False),
                    example.label,
                    example.split,
                )
                for example in examples
            ),
        )
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)", sorted({**meta(), "format_version": FORMAT_VERSION}.items())
        )
        connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, interactions: Iterable[Interaction]) -> None:
    rows = iter(interactions)
    while values := tuple(chain.from_iterable(islice(rows, BATCH))):
        marks = ", ".join(["(?, ?, ?, ?, ?, ?)"] * (len(values) // 6))
        connection.execute(f"INSERT INTO interaction VALUES {marks}", values)
