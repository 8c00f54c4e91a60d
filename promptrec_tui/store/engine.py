"""The open catalogue: sessions that read and sessions that write."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.store.connection import connect_to
from promptrec_tui.store.schema import bring_up_to_date, explain


class Catalogue:
    """The database of one home. Any thread may use it; sessions are short and belong to one thread."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._engine = connect_to(database)
        self._writer = self._engine.execution_options(begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session over one unchanging state of the catalogue.

        Raises UserError when the file is damaged or cannot be read.
        """
        with self._session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that has the write lock from its first statement and commits the whole block or nothing.

        Raises UserError when another program keeps the lock for 10 seconds, or the disk is full or read-only.
        """
        with self._session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine) as session:
                yield session
        except DatabaseError as error:
            if isinstance(error.orig, sqlite3.Error) and (sentence := explain(error.orig, self._database)):
                raise UserError(sentence) from error
            raise


def open_catalogue(home: Home) -> Catalogue:
    """The catalogue of `home`, created or migrated first where it is behind.

    Raises UserError when it is newer than this program, damaged, busy or not writable.
    """
    bring_up_to_date(home)
    return Catalogue(home.database)
