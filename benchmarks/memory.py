"""The peak resident memory of work in a process of its own, above its memory at the start of the work.

The process calls `ready` when all is loaded and `answer` when the work is done; its parent calls `watched`.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

READY, ANSWER = "@ready ", "@answer "
EVERY = 0.005
"""Seconds between two samples."""
MB = 1e6


@dataclass(frozen=True)
class Watched:
    """The result of a process, and its memory in MB."""

    answer: dict[str, Any]
    loaded: float
    peak: float

    @property
    def growth(self) -> float:
        """MB above the memory before the work."""
        return self.peak - self.loaded


def ready() -> None:
    """Signal the start of the work."""
    print(f"{READY}{psutil.Process().memory_info().rss}", flush=True)


def answer(values: dict[str, Any]) -> None:
    """Signal the end of the work, with its result."""
    print(f"{ANSWER}{json.dumps(values)}", flush=True)


def watched(command: Sequence[str]) -> Watched:
    """Run a Python script with its arguments and watch it. Raises RuntimeError when it fails."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    loaded = peak = 0
    answer: dict[str, Any] | None = None
    done = threading.Event()

    def look() -> None:
        nonlocal peak
        child = psutil.Process(process.pid)
        while not done.wait(EVERY):
            try:
                peak = max(peak, child.memory_info().rss)
            except psutil.NoSuchProcess:
                return

    watcher = threading.Thread(target=look, daemon=True)
    assert process.stdout
    for line in process.stdout:
        if line.startswith(READY):
            loaded = peak = int(line.removeprefix(READY))
            watcher.start()
        elif line.startswith(ANSWER):
            done.set()
            answer = json.loads(line.removeprefix(ANSWER))
    done.set()
    if process.wait() or answer is None:
        raise RuntimeError(f"{' '.join(command)} failed with status {process.returncode}")
    return Watched(answer, loaded / MB, peak / MB)
