"""Waiting for what threads and processes do, however busy the machine is.

A deadline of wall time asks how fast the machine is. These ask whether the work goes on: time is told by a
clock that stands still while somebody who is waited for waits for a core.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from textual.css.query import NoMatches
from textual.pilot import Pilot

from tests import processes

LOOK_SECONDS = 0.1
"""How often the clock looks at the processes."""

PATIENCE = 90.0
"""Seconds of the clock after which nothing is expected to come any more."""

Answer = TypeVar("Answer")

Share = tuple[int, int, bool]
"""Nanoseconds for which a thread ran and for which it wanted a core in vain; whether it wants or has one."""


class Clock:
    """Tells the seconds in which all that the tests set going either ran or wanted no core.

    Linux says for each thread how long it wanted one in vain. On other systems this is wall time.
    """

    def __init__(self) -> None:
        self._seconds, self._looked = 0.0, time.monotonic()
        self._shares = dict(_shares())

    def seconds(self) -> float:
        """The seconds since it was made."""
        passed = time.monotonic() - self._looked
        if passed > LOOK_SECONDS:
            shares = dict(_shares())
            late = max((self._late(thread, share, passed) for thread, share in shares.items()), default=0.0)
            self._seconds += max(0.0, passed - late)
            self._looked, self._shares = self._looked + passed, shares
        return self._seconds

    def _late(self, thread: Path, share: Share, passed: float) -> float:
        """A wait for a core that has not ended is not yet in the system's figures: neither of them grew.

        (The wait of a thread that has a core all the time does not grow either, but what it ran does.)
        """
        before = self._shares.get(thread, (0, 0, False))
        return passed if share == before and share[2] else (share[1] - before[1]) / 1e9


def wait_for(condition: Callable[[], Answer]) -> Answer:
    """Wait until a condition holds, and answer what it did; fail after `PATIENCE` seconds of a `Clock`."""
    clock = Clock()
    while True:
        start = time.thread_time()
        if answer := condition():
            return answer
        if clock.seconds() > PATIENCE:
            pytest.fail(f"Waited in vain; the last answer: {answer!r}")
        # To look is to take time from what is waited for: a fifth at most.
        time.sleep(max(0.02, 4 * (time.thread_time() - start)))


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """`wait_for`, while an app goes on."""
    await eventually(condition, lambda: pilot.pause(0.05))


async def eventually(
    condition: Callable[[], object], pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0.05)
) -> None:
    """`wait_for`, while the tasks of this loop go on."""
    clock, answer = Clock(), None
    while not answer:
        if clock.seconds() > PATIENCE:
            pytest.fail(f"Waited in vain; the last answer: {answer!r}")
        await pause()
        with suppress(NoMatches):  # of a screen that is still being put together
            answer = condition()


async def rest(pilot: Pilot[Any], seconds: float) -> None:
    """Let an app go on for so many seconds of a `Clock`."""
    clock = Clock()
    while clock.seconds() < seconds:
        await pilot.pause(0.05)


def _shares() -> Iterator[tuple[Path, Share]]:
    """How each thread of this process and of those that tests started fares."""
    for process in [psutil.Process(), *processes.all_started()]:
        with suppress(OSError):
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                with suppress(OSError):
                    ran, waited, _ = map(int, (thread / "schedstat").read_text().split())
                    yield thread, (ran, waited, ") R " in (thread / "stat").read_text())
