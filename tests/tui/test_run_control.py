"""A run's keys: what is asked of it is answered on the screen; forks and continued runs begin in the form."""

import pytest
from textual.widgets import Input, TextArea

from promptrec_tui.files import write_json
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import AckEvent, FinishedEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.requests import all_requests
from promptrec_tui.runs.states import State
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.widgets.run_table import RunTable


@pytest.fixture
def going(full_home):
    """A run at work, as its folder says."""
    folder = RunFolder(full_home.runs / "aaaa0001")
    attempt = folder.attempt(folder.last_attempt + 1)
    attempt.path.mkdir(parents=True)
    write_json(attempt.started, {})
    lock = take_lock(folder.lock)
    yield folder
    lock.release()


async def test_a_request_is_shown_until_it_is_answered(full_home, going, until, screen_text):
    app = PromptrecApp(full_home)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until(pilot, lambda: "running" in screen_text(app))
        app.screen.query_one(RunTable).choose(going.id)
        await pilot.press("s")
        await until(pilot, lambda: "checkpoint requested" in screen_text(app))
        (asked,) = all_requests(going)
        with EventLog(going, going.last_attempt) as log:
            log.write(AckEvent(control=asked.number, command="checkpoint", result="saved checkpoint-9"))
        await until(pilot, lambda: "saved checkpoint-9" in screen_text(app))
        await pilot.press("X")
        await until(pilot, lambda: "Kill run" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: len(all_requests(going)) == 2)
        assert all_requests(going)[1].command == "kill"


async def test_a_failed_run_shows_its_log_and_its_fork_has_the_remedy(full_home, until, screen_text):
    folder = RunFolder(full_home.runs / "aaaa0001")
    number = folder.last_attempt + 1
    attempt = folder.attempt(number)
    attempt.path.mkdir(parents=True)
    write_json(attempt.exit, {"state": "failed", "reason": "The GPU ran out of memory in step 3."})
    attempt.log.write_text("one\ntwo\nOutOfMemoryError: [/]\x1b[31m\n")
    with EventLog(folder, number) as log:
        log.write(FinishedEvent(state=State.FAILED, reason="", step=3, remedy={"train.accumulate": 8}))
    app = PromptrecApp(full_home)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "failed" in screen_text(app))
        app.screen.query_one(RunTable).choose(folder.id)
        await pilot.press("enter")
        await until(pilot, lambda: "| OutOfMemoryError: [/]" in screen_text(app))
        assert "The GPU ran out of memory in step 3." in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: "Fork of" in screen_text(app))
        await until(pilot, lambda: app.screen.query_one("#name", Input).value.endswith("-2"))
        assert app.screen.query_one("#more", TextArea).text == "train.accumulate=8"
