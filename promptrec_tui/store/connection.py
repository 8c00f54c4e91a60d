"""Connections to the catalogue file and their settings; network file systems."""

import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

BUSY_SECONDS = 10.0

WAL_AT = slice(18, 20)
"""The bytes of a database file that are 2 in WAL mode."""

NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs"}
    | {"fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
"""File systems that machines share. SQLite's WAL does not work there: it needs shared memory."""


def network_type(folder: Path) -> str:
    """The type of the network file system that `folder` is on; "" for a local or an unknown one.

    The longest mount point decides; of two mounts at one place the later one, which covers the other.
    """
    import psutil

    path = folder.resolve()
    try:
        mounts = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return ""
    above = [mount for mount in reversed(mounts) if path.is_relative_to(mount.mountpoint)]
    kind = max(above, key=lambda mount: len(Path(mount.mountpoint).parts)).fstype if above else ""
    return kind if kind in NETWORK else ""


def journal_mode(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """WAL where this SQLite is free of the WAL reset bug (sqlite.org/wal.html#walresetbug), else TRUNCATE."""
    cured = version >= (3, 51, 3) or any(
        branch <= version < (3, branch[1] + 1) for branch in ((3, 50, 7), (3, 44, 6))
    )
    return "WAL" if cured else "TRUNCATE"


def best_mode(database: Path, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """`journal_mode`, but TRUNCATE on a network file system and wherever WAL turns out not to work."""
    if journal_mode(version) != "WAL" or network_type(database.parent):
        return "TRUNCATE"
    return "WAL" if _is_wal(database) or wal_works(database.parent) else "TRUNCATE"


def wal_works(folder: Path) -> bool:
    """Whether a database in `folder` can be written in WAL mode: some file systems accept it, then fail."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".wal-", ignore_cleanup_errors=True) as place:
        probe = Path(place) / "probe.db"
        try:
            with closing(sqlite3.connect(probe)) as writer, closing(sqlite3.connect(probe)) as reader:
                if writer.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                    return False
                with writer:
                    writer.execute("CREATE TABLE probe AS SELECT 1 AS x")
                return bool(reader.execute("SELECT x FROM probe").fetchone() == (1,))
        except sqlite3.Error:
            return False


def connect_to(database: Path, foreign_keys: bool = True, read_only: bool = False) -> Engine:
    """An engine whose transactions begin as the execution option `begin` says: DEFERRED, or IMMEDIATE.

    The driver's own transaction control leaves half a migration behind after a crash, and a transaction that
    begins as a reader and then writes fails at once when another one wrote: so every writer begins IMMEDIATE.
    The option `patience` says how many seconds it waits for others, `BUSY_SECONDS` if it is not given.
    Migrations turn `foreign_keys` off, as rebuilding a parent table would delete its children.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(database)),
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    rules = [
        "synchronous = FULL",
        f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
        "trusted_schema = OFF",
        f"query_only = {'ON' if read_only else 'OFF'}",
    ]
    mode = "" if read_only else best_mode(database)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        if mode:
            # To enter or leave WAL needs the file for oneself; while another has it open the mode stays.
            with suppress(sqlite3.OperationalError):
                connection.execute(f"PRAGMA journal_mode = {mode}")
        for rule in rules:
            connection.execute(f"PRAGMA {rule}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        patience = round(1000 * options.get("patience", BUSY_SECONDS))
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")
        connection.exec_driver_sql(f"BEGIN {options.get('begin', 'DEFERRED')}")

    return engine


def _is_wal(database: Path) -> bool:
    try:
        with open(database, "rb") as file:
            return file.read(WAL_AT.stop)[WAL_AT] == b"\x02\x02"
    except FileNotFoundError:
        return False
