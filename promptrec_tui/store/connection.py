"""Connections to the catalogue file, with the rules that every one of them keeps."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

BUSY_SECONDS = 10.0


def journal_mode(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """WAL where this SQLite is free of the WAL reset bug (sqlite.org/wal.html#walresetbug), else TRUNCATE."""
    cured = version >= (3, 51, 3) or any(
        branch <= version < (3, branch[1] + 1) for branch in ((3, 50, 7), (3, 44, 6))
    )
    return "WAL" if cured else "TRUNCATE"


def connect_to(database: Path, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions begin as the execution option `begin` says: DEFERRED, or IMMEDIATE.

    The driver's own transaction control leaves half a migration behind after a crash, and a transaction that
    begins as a reader and then writes fails at once when another one wrote: so every writer begins IMMEDIATE.
    Migrations turn `foreign_keys` off, as rebuilding a parent table would delete its children.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(database)),
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # To enter or leave WAL needs the file for oneself; while another has it open the mode stays.
        with suppress(sqlite3.OperationalError):
            connection.execute(f"PRAGMA journal_mode = {journal_mode()}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        connection.execute("PRAGMA trusted_schema = OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return engine
