"""A reserve file, deleted when the disk is full, so that the catalogue can still record events."""

import os
import shutil
from contextlib import suppress

from promptrec_tui.home import Home

SIZE = 32 << 20
"""Bytes."""
PLENTY = 1_000_000_000
"""Free bytes of a disk from which on a reserve is made."""


def make_reserve(home: Home) -> bool:
    """Make the reserve if the disk has plenty of space; returns whether there is one."""
    with suppress(OSError):
        if not home.disk_reserve.exists() and shutil.disk_usage(home.root).free > PLENTY:
            staging = home.disk_reserve.with_name(f".{home.disk_reserve.name}.{os.getpid()}")
            try:
                with open(staging, "wb") as file:
                    _fill(file.fileno(), SIZE)
                staging.replace(home.disk_reserve)
            finally:
                staging.unlink(missing_ok=True)
    return home.disk_reserve.exists()


def release(home: Home) -> bool:
    """Delete the reserve; returns whether there was one."""
    try:
        home.disk_reserve.unlink()
    except OSError:
        return False
    return True


def _fill(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.write(descriptor, os.urandom(size))
