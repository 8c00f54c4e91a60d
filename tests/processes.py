"""The processes that tests start: which they are, and their end."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

root = Path("/nowhere")
"""Where all tests of this session have their files; conftest.py says it."""


def lives(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def all_started() -> list[psutil.Process]:
    """The living processes that tests of this session started, and those that they started."""
    children: list[psutil.Process] = []
    with suppress(psutil.Error):
        children = psutil.Process().children(recursive=True)
    return list({*(child for child in children if lives(child.pid)), *at_work(root)})


def at_work(folder: Path) -> list[psutil.Process]:
    """The living processes, but this one, whose environment names a place in a folder.

    Supervisors, trainers and dispatchers are nobody's children, but all have the path of their home.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            named = any(f"{folder}/" in value for value in process.environ().values())
            if named and process.pid != os.getpid():
                found.append(process)
    return found


def end_all(find: Callable[[], list[psutil.Process]]) -> None:
    """Kill what is found until nothing is: who survives a supervisor goes on with the queue."""
    for _ in range(1000):
        if not (found := find()):
            return
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.01)
