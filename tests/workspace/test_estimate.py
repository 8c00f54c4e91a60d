"""What a new run is said to take."""

from dataclasses import replace

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import FinishedEvent, MetricEvent
from promptrec_tui.runs.states import State
from promptrec_tui.workspace.estimate import estimate
from promptrec_tui.workspace.new_runs import NewRun
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import refresh, run_folder
from tests.workspace.test_lineage import here  # noqa: F401

NEW = NewRun("new", "shop", "next_item", "list", "tiny", {"train.batch_size": 16, "train.epochs": 2})


def test_steps_come_from_the_data_and_time_and_disk_from_a_run_of_its_kind(here: Workspace) -> None:  # noqa: F811
    first = estimate(here, NEW)
    # 264 interactions of 30 users, four of each held back.
    assert first.steps == 18
    assert first.seconds is None
    assert "about 18 steps; memory above" in first.sentence
    assert "after a first run" in first.sentence
    assert estimate(here, replace(NEW, settings={"train.max_steps": 5})).steps == 5
    folder = run_folder(here, "one")
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    with EventLog(folder, 1) as log:
        for step in (1, 2):
            log.write(MetricEvent(step, {"targets_per_second": 28.8}, total_steps=2, epoch=1.0))
        log.write(FinishedEvent(state=State.DONE, reason="", step=2))
    write_json(attempt.started, {"time": 0.0, "supervisor": None, "trainer": None})
    write_json(attempt.exit, {"code": 0, "signal": None, "time": 1.0, "state": "done", "reason": ""})
    refresh(here)
    after = estimate(here, NEW)
    assert (after.like, after.seconds) == ("one", pytest.approx(10.0))
    assert after.disk > 0
    assert "10 s of training" in after.sentence


def test_what_would_not_start_is_not_estimated(here: Workspace) -> None:  # noqa: F811
    with pytest.raises(UserError, match=r"train\.epochs cannot be 'x'"):
        estimate(here, replace(NEW, settings={"train.epochs": "x"}))


def test_full_tuning_needs_gradients_and_moments_beside_the_weights(here: Workspace) -> None:  # noqa: F811
    lora, full = (
        estimate(here, replace(NEW, settings={"tuning.method": method})).memory for method in ("lora", "full")
    )
    assert full == 4 * lora > 0
