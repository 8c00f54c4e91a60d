"""The processes that tests start: which they are, and their end."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

root = Path("/nowhere")
"""Where all tests of this session have their files; conftest.py says it."""


def at_work(folder: Path | None = None) -> list[psutil.Process]:
    """The living processes, but this one, whose environment names a place in a folder, or in that of all tests.

    Supervisors, trainers and dispatchers are nobody's children, but all have the path of their home.
    """
    mark, found = f"{folder or root}/", []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and any(mark in value for value in process.environ().values()):
                found.append(process)
    return found


def descendants() -> list[psutil.Process]:
    """The living processes that this one started, and those that they started."""
    found = []
    with suppress(psutil.Error):
        found = psutil.Process().children(recursive=True)
    return [process for process in found if _lives(process)]


def end_all(find: Callable[[], list[psutil.Process]]) -> None:
    """Kill what is found until nothing is: who survives a supervisor goes on with the queue."""
    for _ in range(1000):
        if not (found := find()):
            return
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
