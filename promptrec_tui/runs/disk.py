"""A run's disk: whether there is room, which errors mean that there is none, a reserve for the last word."""

import errno
import os
import re
import shutil
from collections.abc import Callable
from math import ceil

from promptrec_tui.errors import UserError
from promptrec_tui.runs.checkpoints import published_paths
from promptrec_tui.runs.folder import RunFolder

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

SAID = re.compile(
    r"No space left|[Qq]uota exceeded|File too large|os error (28|122|27)\b"
    r"|PytorchStreamWriter failed|unexpected pos"
)
"""What the writers of torch and safetensors, which raise errors of their own, say of a full disk."""

MARGIN = 4 << 20
"""Bytes that a checkpoint leaves free, for events and the verdict."""

RESERVE = 1 << 18
"""Bytes that are given up when not even the verdict can be written."""

MEGABYTE = 1_000_000


class DiskFullError(UserError):
    """There is no room for the run: it pauses, and can be resumed when there is."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, means a full disk, a quota or a limit of file sizes."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno in FULL) or SAID.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def room_needed(folder: RunFolder, least: int = 0) -> int:
    """Bytes to be free for the next checkpoint: those of the last one, `least` when there is none yet."""
    paths = published_paths(folder)
    last = sum(file.lstat().st_size for file in paths[-1].iterdir()) if paths else least
    return last + MARGIN


def require_room(folder: RunFolder, needed: int) -> None:
    """Raise DiskFullError unless `needed` bytes are free on the disk of the run."""
    if shutil.disk_usage(folder.path).free < needed:
        raise DiskFullError(full_sentence(folder, needed))


def full_sentence(folder: RunFolder, needed: int) -> str:
    """What is said of a run that pauses for want of room."""
    free = shutil.disk_usage(folder.path).free
    amounts = f"{ceil(needed / MEGABYTE)} MB are needed, {free // MEGABYTE} MB are free"
    limit = "" if free < needed else ", but a quota or a limit of file sizes stands in the way"
    return f"Paused: the disk of {folder.path} is full: {amounts}{limit}; make room and resume."


def lay_by(folder: RunFolder) -> None:
    """Keep a reserve, if there is room for one. Its bytes are random: some disks store zeros for free."""
    try:
        if not folder.reserve.exists():
            folder.reserve.write_bytes(os.urandom(RESERVE))
    except OSError:
        folder.reserve.unlink(missing_ok=True)


def insist(folder: RunFolder, write: Callable[[], object]) -> None:
    """Write what must be written: on a full disk the reserve is given up for it.

    Raises OSError when that is not enough.
    """
    try:
        write()
    except OSError as error:
        if not is_full(error):
            raise
        folder.reserve.unlink(missing_ok=True)
        write()
