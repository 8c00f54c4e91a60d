"""Verified copies of the catalogue."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import sync_file, sync_folder
from promptrec_tui.home import Home

KEPT = 5

COPIES = "promptrec-*.db"
"""The pattern of the names of copies, which sort by time."""


def back_up(database: Path, folder: Path, version: str) -> Path:
    """Copy `database` into `folder`, check the copy, keep the newest 5; returns the copy's path.

    Raises UserError when the copy cannot be made or differs.
    """
    target = folder / f"promptrec-{time.strftime('%Y%m%d-%H%M%S')}-tables-{version}.db"
    staging = target.with_suffix(".part")
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(staging)) as copy:
            source.backup(copy)
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
            if verdict != "ok" or _counts(copy) != _counts(source):
                raise UserError(
                    f"The catalogue {database} cannot be copied faithfully ({verdict}): it was not migrated."
                )
        sync_file(staging)
        staging.replace(target)
        sync_folder(folder)
    except (OSError, sqlite3.Error) as error:
        raise UserError(
            f"The catalogue {database} was not migrated: it cannot be copied to {folder} ({error})."
        ) from error
    finally:
        staging.unlink(missing_ok=True)
    for old in sorted(folder.glob(COPIES))[:-KEPT]:
        old.unlink()
    return target


def copies(home: Home) -> list[Path]:
    """The copies there are, newest first."""
    return sorted(home.backups.glob(COPIES), reverse=True)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in tables}
