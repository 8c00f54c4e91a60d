"""A run that has failed: its screen says why and what to do, and by the keys for that it goes on."""

from promptrec_tui.home import Home
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from tests.journeys.driving import SIZE, do, go_to, opened
from tests.journeys.stubs import ENOUGH, SHORT_OF_MEMORY, TOO_LARGE, Begin


async def test_a_fork_with_the_setting_that_the_failure_names_goes_on(home: Home, begin: Begin) -> None:
    night = begin(TOO_LARGE)
    app = PromptrecApp(home)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, RunsScreen, "night", "failed")
        await do(pilot, "runs.open")
        reason = "The GPU ran out of memory in step 3: promptrec run fork night --set train.accumulate=2"
        await opened(pilot, RunScreen, "failed", reason)
        await do(pilot, "runs.fork")
        await opened(pilot, NewRunScreen, "Fork of night", "night-2")
        await go_to(pilot, "more")
        await opened(pilot, NewRunScreen, "train.accumulate=2")
        await do(pilot, "form.start")
        await opened(pilot, RunScreen, "night-2", "running", "━ train")
        (home.root / ENOUGH).touch()
        await opened(pilot, RunScreen, "night-2", "done", "That is enough.")
        await do(pilot, "app.back")
        await opened(pilot, RunsScreen, "night-2", "done", "failed")
    assert run_status(night).state == State.FAILED


async def test_what_only_lacked_room_is_resumed(home: Home, begin: Begin) -> None:
    night = begin(SHORT_OF_MEMORY)
    app = PromptrecApp(home)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, RunsScreen, "night", "failed")
        await do(pilot, "runs.open")
        await opened(pilot, RunScreen, "The machine ran out of memory: make room", "then resume the run.")
        await do(pilot, "runs.resume")
        await opened(pilot, RunScreen, "running")
        (home.root / ENOUGH).touch()
        await opened(pilot, RunScreen, "done", "That is enough.")
    assert night.attempts() == [1, 2]
