"""A failed run is mended over SSH, 200 ms away: the line carries little, and its end ends no run."""

import asyncio
import signal

import pytest

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder, run_folders
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.workspace.session import load_session
from tests.journeys.stubs import ENOUGH, TOO_LARGE, Begin
from tests.keys import sent_for
from tests.waiting import eventually

for package in ("asyncssh", "pyte"):
    pytest.importorskip(package, reason=f"{package} of the test extra is not installed")

from tests.journeys.slow_line import slow_line  # noqa: E402

DELAY = 0.1
"""Seconds in each direction."""

MOST_BYTES = 8 * 1024
"""A second, while a run is watched."""

NAME = "mended-over-a-slow-line"


def written(run: RunFolder) -> int:
    """The events of a run so far."""
    return len(run.events.read_bytes().splitlines())


async def test_a_failed_run_is_mended_and_watched_until_the_line_breaks(home: Home, begin: Begin) -> None:
    begin(TOO_LARGE)
    loop = asyncio.get_running_loop()
    async with slow_line(DELAY) as line:
        await line.shows("night", "failed")
        pressed = loop.time()
        line.press(sent_for("runs.open"))
        await line.shows("Curves", "The GPU ran out of memory in step 3", "--set train.accumulate=2")
        assert loop.time() - pressed > 2 * DELAY
        line.press(sent_for("runs.fork"))
        await line.shows("Fork of night", "night-2")
        # All at once in the place of the old name: one lost key would show.
        line.press(NAME + sent_for("form.start"))
        await line.shows(NAME, "running", "━ train")
        (run,) = (folder for folder in run_folders(home) if folder.spec().name == NAME)

        begun, before, events = loop.time(), line.received, written(run)
        await eventually(lambda: written(run) > events + 80)
        rate = (line.received - before) / (loop.time() - begun)
        assert 0 < rate < MOST_BYTES

        line.cut()
        await eventually(lambda: line.is_hung_up)
        assert line.app
        assert line.app.wait() == 128 + signal.SIGHUP
        events = written(run)
        await eventually(lambda: written(run) > events + 5)
        assert run_status(run).state == State.RUNNING
    session = load_session(home)
    assert (session["run"], session["open"], session["left"]) == (run.id, True, True)
    (home.root / ENOUGH).touch()
    await eventually(lambda: run_status(run).state == State.DONE)
