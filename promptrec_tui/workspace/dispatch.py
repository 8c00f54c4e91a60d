"""Moving the queue: give each free device its next run."""

import subprocess
import sys

from promptrec_tui.home import Home
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.launchers import environment, launch
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.queue import Entry, claim, queued
from promptrec_tui.workspace.opening import Workspace


def dispatch(workspace: Workspace) -> list[str]:
    """Start every queued run whose device is free; answers their ids. Many processes may do this at once."""
    return [
        entry.folder.id
        for entry in queued(workspace.home)
        if not entry.hold and _start(workspace.home, entry)
    ]


def spawn_dispatch(home: Home) -> None:
    """Have `dispatch` done by a process that outlives this one and holds nothing of its terminal."""
    subprocess.Popen(
        [sys.executable, "-m", "promptrec_tui", "run", "dispatch"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(home),
        start_new_session=True,
    )


def _start(home: Home, entry: Entry) -> bool:
    slot = take_lock(slot_path(home, entry.device), patience=0)
    if slot is None:
        return False
    attempt = claim(entry.folder, slot)
    if attempt is None:
        slot.release()
        return False
    launch(home, entry.folder, attempt, [slot])
    return True
