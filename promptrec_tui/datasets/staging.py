"""Working folders of imports, beside the file that is written; removed afterwards, even after a kill."""

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from promptrec_tui.errors import UserError

PREFIX = ".staging-"
HALF_WRITTEN = ".*.sqlite.[0-9]*.tmp"
"""A dataset file that is being written, with the id of the process that does it."""

LOCK_SECONDS = 60.0
"""After this time a folder in use has its lock."""


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
        _take_away(folder)


def sweep(parent: Path) -> None:
    """Delete the folders of ended imports, whose lock is free, and half-written files."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            with open(folder / "lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _take_away(folder)
        except FileNotFoundError:
            # Killed before the lock was made, or while the folder was taken away.
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > LOCK_SECONDS:
                    _take_away(folder)
        except OSError:
            continue
    for file in parent.glob(HALF_WRITTEN):
        with suppress(OSError, ValueError):
            if not _is_author(int(file.suffixes[-2].removeprefix(".")), file):
                file.unlink(missing_ok=True)


def why_not_written(error: Exception, folder: Path) -> str:
    """One sentence for an error of DuckDB about a disk or a limit; empty for any other.

    Its errors have many types and no number: only the system's message is reliable.
    """
    reason = str(error).splitlines()[0] if str(error) else ""
    if type(error).__name__ == "OutOfMemoryException":
        return f"The import needs more memory than there is: {reason.partition(': ')[2] or reason}."
    for number, mending in MENDING.items():
        if os.strerror(number) in reason:
            return f"Cannot write in {folder}: {os.strerror(number)}. {mending}"
    return ""


MENDING = {
    errno.ENOSPC: "Make room on the disk and try again.",
    errno.EDQUOT: "Your share of the disk is used up: make room and try again.",
    errno.EFBIG: "Raise the limit of file sizes (ulimit -f) and try again.",
    errno.EIO: "The disk reports a fault: try another one.",
    errno.EROFS: "It can only be read: choose another place.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n) and try again.",
    errno.EACCES: "Check the folder's rights.",
}


def _take_away(folder: Path) -> None:
    # The lock goes last: a folder left by an interrupted deletion is then known to be unused.
    shutil.rmtree(folder / "work", ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _is_author(pid: int, file: Path) -> bool:
    """Whether the process lives that writes a file: one with its pid that was there before the file."""
    import psutil

    try:
        return bool(psutil.Process(pid).create_time() < file.stat().st_ctime + 1)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
