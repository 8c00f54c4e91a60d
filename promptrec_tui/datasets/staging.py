"""Folders in which an import works: beside what it will write, and gone afterwards, even after a kill."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from promptrec_tui.errors import UserError

PREFIX = ".staging-"
HALF_WRITTEN = ".*.sqlite.[0-9]*.tmp"
"""A dataset file that is being written, with the id of the process that does it."""


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, taken away at the end; leftovers of imports that were killed go first.

    Raises UserError when it cannot be made.
    """
    try:
        sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as error:
        raise UserError(
            f"Cannot write in {parent}: {error.strerror}. Check free space and the folder's rights."
        ) from None
    try:
        with open(folder / "lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            work = folder / "work"
            work.mkdir()
            yield work
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Take away the folders of imports that are no more, whose lock nobody holds, and half-written files."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError), open(folder / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    for file in parent.glob(HALF_WRITTEN):
        try:
            os.kill(int(file.suffixes[-2].removeprefix(".")), 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except (OSError, ValueError):
            continue
