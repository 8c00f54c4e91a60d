"""The version of the catalogue's tables, and migrations from older versions."""

import shutil
import sqlite3
from contextlib import closing
from math import ceil
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.store.app_lock import exclusive_lock, try_exclusive_lock
from promptrec_tui.store.backup import back_up, copies
from promptrec_tui.store.connection import BUSY_SECONDS, connect_to
from promptrec_tui.store.tables import Base

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

MOVED = sqlite3.SQLITE_READONLY_DBMOVED
"""The extended code for a write into a file that has no name any more."""

MEGABYTE = 1_000_000

ROOM = 2.5
"""A migration needs this many times the size of the catalogue: for the copy, and for what it rebuilds."""


def known_versions(migrations: Path) -> list[str]:
    """The versions this program can make, oldest first: the numbers that migration files begin with."""
    return sorted(path.name.split("_")[0] for path in (migrations / "versions").glob("[0-9]*_*.py"))


def read_version(database: Path) -> str | None:
    """The version of a catalogue file; None when there is none yet.

    Raises UserError when the file cannot be read as a database.
    """
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
            named = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            if connection.execute(named).fetchone() is None:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        sentence = explain(error, database) or f"The catalogue {database} cannot be read: {error}."
        raise UserError(sentence) from error
    return None if row is None else str(row[0])


def bring_up_to_date(home: Home, migrations: Path | None = None) -> None:
    """Make the tables of `home.database`, or migrate them after a verified backup, unless they are current.

    `migrations` is the folder of the Alembic environment (the shipped one by default). A migration is one
    transaction: it happens whole or not at all. A newer file is left as it is: `newer_sentence` tells of it.
    Raises UserError when the file is damaged, busy or open in another program, when there is no room for a
    copy, or when the migration fails.
    """
    migrations = migrations or resource("migrations")
    known = known_versions(migrations)
    version = read_version(home.database)
    if version is None:
        _migrate(home, migrations, known[-1])
    elif version in known[:-1]:
        lock = exclusive_lock(home, "its catalogue can be brought up to date")
        try:
            _migrate(home, migrations, known[-1])
        finally:
            lock.release()


def is_behind(home: Home) -> bool:
    """Whether `bring_up_to_date` has something to do."""
    version = read_version(home.database)
    return version is None or version in known_versions(resource("migrations"))[:-1]


def newer_sentence(home: Home) -> str:
    """Why the catalogue can be read only: a newer program wrote it. Empty when it is not newer.

    Reading is safe while every table and column that this program knows is there: it asks for them by name.
    Raises UserError when they are not.
    """
    known, version = known_versions(resource("migrations")), read_version(home.database)
    if version in known:
        return ""
    sentence = (
        f"The catalogue {home.database} was written by a newer promptrec "
        f"(tables {version}; this one knows {known[-1]})"
    )
    if not _has_all_columns(home.database):
        raise UserError(f"{sentence}: update promptrec, or set PROMPTREC_HOME to another folder.")
    return f"{sentence}, so it is open for reading only, as that one saw it last: update promptrec to go on."


def check_after_crash(home: Home) -> None:
    """Check the whole file when a writer left it unfinished and no process uses it now.

    Raises UserError when it is damaged.
    """
    left = (home.database.with_name(home.database.name + suffix) for suffix in ("-journal", "-wal"))
    if not any(path.exists() and path.stat().st_size for path in left):
        return
    if not (lock := try_exclusive_lock(home)):
        return
    try:
        if is_damaged(home.database):
            raise UserError(damaged_sentence(home.database))
    finally:
        lock.release()


def is_damaged(database: Path) -> bool:
    """Does SQLite's quick check fail? A file that is not a database counts as damaged too."""
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def damaged_sentence(database: Path) -> str:
    """The message for a damaged catalogue: the remedy, and the newest good copy."""
    good = next((path for path in copies(Home(database.parent)) if not is_damaged(path)), None)
    copy = f"the newest good copy is {good}" if good else "there is no copy of it"
    return (
        f"The catalogue {database} is damaged: 'promptrec doctor --rebuild' makes a new one from the run "
        f"folders and keeps this one in backups; {copy}."
    )


def gone_sentence(database: Path) -> str:
    """The message for a catalogue file that is no longer at its path."""
    return (
        f"The catalogue {database} is gone: it was deleted or moved while it was open. "
        "The next command rebuilds it from the folders of runs and datasets."
    )


def explain(error: sqlite3.Error, database: Path) -> str:
    """One sentence for what a person can mend about a database error; empty when there is nothing to mend."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"The catalogue {database} is busy: another program has been writing to it for "
            f"{BUSY_SECONDS:.0f} s. Try again."
        )
    if code == sqlite3.SQLITE_FULL:
        return f"The disk of the catalogue {database} is full: make room and try again. Nothing was lost."
    if code in DAMAGED:
        return damaged_sentence(database)
    if getattr(error, "sqlite_errorcode", 0) == MOVED:
        return gone_sentence(database)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
        return (
            f"The catalogue {database} cannot be opened for writing ({error}): "
            "check the permissions and the disk of its folder."
        )
    return ""


def _migrate(home: Home, migrations: Path, newest: str) -> None:
    # Alembic costs 0.2 s and is needed once per update of the program.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    engine = connect_to(home.database, foreign_keys=False)
    saved = None
    try:
        # The write lock comes first: of two programs that start at once, the second finds all done.
        with engine.execution_options(begin="IMMEDIATE").begin() as connection:
            version = read_version(home.database)
            if version == newest:
                return
            if version is not None:
                _require_room(home)
                saved = back_up(home.database, home.backups, version)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
                raise CommandError(f"{len(broken)} rows would have lost the row they belong to")
    except (SQLAlchemyError, CommandError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, sqlite3.Error) else None
        reason = str(cause or error).splitlines()[0]
        raise UserError(
            (cause and explain(cause, home.database))
            or f"The catalogue {home.database} could not be brought to tables {newest} ({reason}): "
            f"nothing was changed{f', and a copy lies in {saved}' if saved else ''}."
        ) from error
    finally:
        engine.dispose()


def _require_room(home: Home) -> None:
    needed = ROOM * home.database.stat().st_size
    free = shutil.disk_usage(home.root).free
    if free < needed:
        raise UserError(
            f"The catalogue {home.database} is of an older promptrec, and there is no room to bring it up to "
            f"date: {ceil(needed / MEGABYTE)} MB are needed, {free // MEGABYTE} MB are free."
        )


def _has_all_columns(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
        return all(
            {column.name for column in table.columns}
            <= {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", [table.name])}
            for table in Base.metadata.sorted_tables
        )
