"""The phases of a run on its screen and in `run show`."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
from textual.app import App
from textual.widgets import Static

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import MetricEvent, PhaseEvent
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.phases import BASELINES, FIRST_STEP, LIBRARIES, MODEL, TRAINING, UNTUNED_TEST, Phase
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.glyphs import ASCII, UNICODE
from promptrec_tui.tui.widgets.checklist_text import checklist_text
from promptrec_tui.tui.widgets.curves_pane import CurvesPane
from promptrec_tui.workspace.checklist import Step
from tests.tui.conftest import run_spec, write_dataset

STEPS = (
    Step("model", "load the model", "done", None, None, 4.0),
    Step("first_step", "first step", "now", 2, 8, 7.0, 17.0),
    Step("baselines", "baselines on validation", "waiting", None, 4),
)


@pytest.fixture
def beginning(empty_home: Home, tmp_path: object) -> Iterator[RunFolder]:
    """A run at work that has loaded its model and is in its first step."""
    folder = create_run(empty_home, run_spec(write_dataset(empty_home, tmp_path), "aaaa0001", "first"))
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    write_json(attempt.started, {})
    lock = take_lock(folder.lock)
    tell(folder, (LIBRARIES, 3, 3), (MODEL, None, None), (FIRST_STEP, 2, 8))
    yield folder
    lock.release()


def tell(folder: RunFolder, *events: tuple[Phase, int | None, int | None]) -> None:
    """Write phase events."""
    with EventLog(folder, 1) as log:
        for phase, done, total in events:
            log.write(PhaseEvent(phase.kind, done, total, "", phase.id))


async def test_before_the_first_point_the_phases_stand_in_place_of_the_charts(
    empty_home: Home,
    beginning: RunFolder,
    until: Callable[..., Awaitable[None]],
    screen_text: Callable[[App[int]], str],
) -> None:
    app = PromptrecApp(empty_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.runs)
        app.open_run("aaaa0001")
        await until(pilot, lambda: "torch" in screen_text(app))
        lines = [line.split() for line in screen_text(app).split("\n")]
        assert next(line[:6] for line in lines if "torch" in line) == [
            "✓",
            "start",
            "torch",
            "and",
            "transformers",
            "3/3",
        ]
        assert next(line for line in lines if line[1:3] == ["first", "step"])[3] == "2/8"
        assert next(line for line in lines if "validation" in line and "baselines" in line)[0] == "○"
        assert "loss" not in "".join(screen_text(app).split("\n")[4:])
        with EventLog(beginning, 1) as log:
            log.write(MetricEvent(1, {"train_loss": 3.0}, total_steps=9, epoch=0.1))
        tell(beginning, (BASELINES, 0, 4), (TRAINING, 1, 9))
        await until(pilot, lambda: "train_loss" in screen_text(app) or "loss  " in screen_text(app))
        pane = app.screen.query_one(CurvesPane)
        assert not pane.has_class("-beginning")
        tell(beginning, (UNTUNED_TEST, 14, 25))
        await until(pilot, lambda: pane.has_class("-judging"))
        assert "14/25" in str(pane.query_one("#result", Static).visual)


def test_each_state_has_a_sign_and_the_present_one_goes_on() -> None:
    text = checklist_text(STEPS, UNICODE, later=3.0).plain.split("\n")
    assert [line[0] for line in text] == ["✓", "●", "○"]
    assert text[1].split() == ["●", "first", "step", "2/8", "10", "s", "about", "14", "s", "left"]
    assert text[2].split() == ["○", "baselines", "on", "validation", "0/4"]
    assert checklist_text(STEPS, ASCII).plain.isascii()
    assert all(len(line) <= 78 for line in text)
