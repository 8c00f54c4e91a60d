"""The processes that tests start: which they are, and their end."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

root = Path("/nowhere")
"""Where all tests of this session have their files; conftest.py says it."""


_started: dict[psutil.Process, bool] = {}
"""Of each process that was seen, whether tests of this session started it: looks are many."""


def lives(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def all_started() -> list[psutil.Process]:
    """The living processes that tests of this session started, and those that they started."""
    return [process for process in psutil.process_iter() if _is_started(process) and lives(process.pid)]


def at_work(folder: Path) -> list[psutil.Process]:
    """Those whose environment names a place in a folder."""
    return [process for process in all_started() if _names(process, folder)]


def _is_started(process: psutil.Process) -> bool:
    """Supervisors, trainers and dispatchers are nobody's children, but all have the path of their home."""
    if process not in _started:
        with suppress(psutil.Error):
            own = process.pid == os.getpid()
            parents = {parent.pid for parent in process.parents()}
            _started[process] = not own and (os.getpid() in parents or _names(process, root))
    return _started.get(process, False)


def _names(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error, OSError):
        return any(f"{folder}/" in value for value in process.environ().values())
    return False


def end_all(find: Callable[[], list[psutil.Process]]) -> None:
    """Kill what is found until nothing is: who survives a supervisor goes on with the queue."""
    for _ in range(1000):
        if not (processes := find()):
            return
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.01)
