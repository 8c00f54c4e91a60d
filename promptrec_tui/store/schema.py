"""The version of the catalogue's tables, and how an older file is brought to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.store.backup import back_up
from promptrec_tui.store.connection import BUSY_SECONDS, connect_to


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
    transaction: it happens whole or not at all.
    Raises UserError when the file is newer than this program, damaged, busy, or the migration fails.
    """
    migrations = migrations or resource("migrations")
    known = known_versions(migrations)
    version = read_version(home.database)
    if version == known[-1]:
        return
    if version is not None and version not in known:
        raise UserError(
            f"The catalogue {home.database} was written by a newer promptrec (tables {version}; this one "
            f"knows {known[-1]}): update promptrec, or set PROMPTREC_HOME to another folder."
        )
    _migrate(home, migrations, known[-1])


def explain(error: sqlite3.Error, database: Path) -> str:
    """One sentence for what a person can mend about a database error; empty when it is no such thing."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"The catalogue {database} is busy: another program has been writing to it for "
            f"{BUSY_SECONDS:.0f} s. Try again."
        )
    if code == sqlite3.SQLITE_FULL:
        return f"The disk of the catalogue {database} is full: make room and try again. Nothing was lost."
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return (
            f"The catalogue {database} is damaged: move it away, and put the newest copy from "
            f"{database.parent / 'backups'} in its place if there is one. Runs come back from their folders."
        )
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
