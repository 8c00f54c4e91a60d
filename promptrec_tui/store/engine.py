"""The open catalogue: sessions that read and sessions that write."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from promptrec_tui.errors import CatalogueGoneError, UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.liveness import Lock
from promptrec_tui.store.app_lock import share
from promptrec_tui.store.connection import BUSY_SECONDS, connect_to
from promptrec_tui.store.disk_reserve import release
from promptrec_tui.store.schema import (
    MOVED,
    bring_up_to_date,
    check_after_crash,
    explain,
    gone_sentence,
    is_behind,
    newer_sentence,
)


class RoomMadeError(UserError):
    """The disk was full and the reserve was deleted: the failed write can be tried again."""


class BusyError(UserError):
    """Another program has kept the catalogue locked: nothing was written."""


BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Catalogue:
    """The database of one home. Any thread may use it; sessions are short and belong to one thread."""

    def __init__(self, home: Home, lock: Lock, read_only: str = "") -> None:
        """`lock` is a share of `app.lock`; `read_only` is the reason why nothing may be written, or empty."""
        self.read_only = read_only
        self._home = home
        self._lock: Lock | None = lock
        self._engine = connect_to(home.database, read_only=bool(read_only))
        self._writer = self._engine.execution_options(begin="IMMEDIATE")
        self._identity = _identity(home.database)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session over one unchanging state of the catalogue.

        Raises UserError when the file is damaged or cannot be read, CatalogueGoneError when it is not there.
        """
        with self._session(self._engine) as session:
            yield session

    @contextmanager
    def write(self, patience: float = BUSY_SECONDS) -> Iterator[Session]:
        """A session that has the write lock from its first statement and commits the whole block or nothing.

        Raises UserError when the catalogue is open for reading only, another program keeps the lock for
        `patience` seconds (BusyError), or the disk is read-only or full: RoomMadeError if there was a
        reserve, so that a second try can succeed. CatalogueGoneError when the file is not there.
        """
        self.require_writing()
        engine = self._writer.execution_options(patience=patience)
        with self._session(engine) as session, session.begin():
            yield session

    def require_writing(self) -> None:
        """Raise UserError when the catalogue is open for reading only."""
        if self.read_only:
            raise UserError(self.read_only)

    def close(self) -> None:
        """Close every pooled connection and give up the share of `app.lock`."""
        self._engine.dispose()
        if self._lock:
            self._lock.release()
            self._lock = None

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        self._follow()
        try:
            with Session(engine) as session:
                yield session
        except DatabaseError as error:
            if not isinstance(error.orig, sqlite3.Error):
                raise
            sentence = explain(error.orig, self._home.database)
            if error.orig.sqlite_errorcode == MOVED:
                raise CatalogueGoneError(sentence) from error
            if error.orig.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL and release(self._home):
                raise RoomMadeError(sentence) from error
            if error.orig.sqlite_errorcode & 0xFF in BUSY:
                raise BusyError(sentence) from error
            if sentence:
                raise UserError(sentence) from error
            raise

    def _follow(self) -> None:
        """Reconnect if another file has replaced the catalogue."""
        now = _identity(self._home.database)
        if now is None:
            raise CatalogueGoneError(gone_sentence(self._home.database))
        if now != self._identity:
            self._engine.dispose()
            self._identity = now


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_catalogue(home: Home) -> Catalogue:
    """The catalogue of `home`, created or migrated first where it is behind, read-only where it is newer.

    Raises UserError when it is damaged, busy, not writable, or too new to be read at all.
    """
    check_after_crash(home)
    lock = share(home)
    try:
        if is_behind(home):
            lock.release()
            bring_up_to_date(home)
            lock = share(home)
        # With a share of the lock nobody can migrate the file any more.
        return Catalogue(home, lock, read_only=newer_sentence(home))
    except BaseException:
        # It may be released already; the error of `bring_up_to_date` matters more.
        with suppress(OSError):
            lock.release()
        raise
