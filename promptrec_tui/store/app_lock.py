"""`app.lock`: shared by each process that has the catalogue open, exclusive for migrating and rebuilding.

Supervisors and trainers never open the catalogue, so they have no part in it: runs go on meanwhile.
"""

import fcntl
import os
import time

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.liveness import Lock

PATIENCE = 3.0
"""Seconds that outlast a command, but not an app."""

MIGRATION_SECONDS = 60.0
"""How long a migration by another program is waited for."""


def share(home: Home) -> Lock:
    """A share of the lock. Raises UserError for a read-only home or an exclusive holder."""
    if lock := _take(home, fcntl.LOCK_SH, MIGRATION_SECONDS):
        return lock
    raise UserError(
        f"The catalogue {home.database} is being brought up to date by another promptrec: try again later."
    )


def exclusive_lock(home: Home, purpose: str) -> Lock:
    """The whole lock. Raises UserError when another program has the catalogue open.

    `purpose` ends that sentence: what cannot be done meanwhile.
    """
    if lock := try_exclusive_lock(home, PATIENCE):
        return lock
    raise UserError(f"Another promptrec has {home.root} open: close it, so that {purpose}. Runs go on.")


def try_exclusive_lock(home: Home, patience: float = 0.0) -> Lock | None:
    """The whole lock, or None when another program keeps a share of it for `patience` seconds."""
    return _take(home, fcntl.LOCK_EX, patience)


def _take(home: Home, kind: int, patience: float) -> Lock | None:
    try:
        descriptor = os.open(home.app_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(
            f"The catalogue {home.database} cannot be opened for writing ({error.strerror}): "
            "check the permissions and the disk of its folder."
        ) from None
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return Lock(home.app_lock, descriptor)
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(descriptor)
                return None
            time.sleep(0.02)
