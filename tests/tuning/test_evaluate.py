"""`run resume --evaluate`: the test figures of a stopped run's adapter, and nothing trained."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.runs.events import Event, to_fields
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import ASKED
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.recipe import fine_tune
from promptrec_tui.tuning.requests import RequestInbox

WEIGHTS = "adapter_model.safetensors"


def at_step(step: int) -> Callable[[str, dict[str, Any]], bool]:
    return lambda kind, fields: kind == "checkpoint" and fields["step"] == step


def evaluate(folder: RunFolder, ask: Callable[[Journal, str, dict[str, Any]], None] | None = None) -> Any:
    """The attempt that `resume --evaluate` asks for; `ask` sees each event as it is written."""
    attempt = folder.attempt(folder.last_attempt + 1)
    attempt.path.mkdir(parents=True)
    asked = {"position": 1.0, "priority": 0, "hold": False, "device": "cpu", "continue_after_failure": True}
    write_json(attempt.path / ASKED, {**asked, "attempt": attempt.number, "evaluate": True})

    class Watched(Journal):
        def write(self, event: Event) -> None:
            super().write(event)
            if ask:
                ask(self, event.kind, to_fields(event))

    with Watched(folder, attempt.number) as journal:
        return fine_tune(folder, "cpu", journal, RequestInbox(journal))


def report_of(folder: RunFolder) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(folder.report.read_text())
    return report


@pytest.fixture
def stopped(new_run: Callable[..., RunFolder], tune: Any) -> RunFolder:
    """A run that was stopped after step 3 of 6."""
    folder = new_run(train__save_every=1)
    outcome = tune(folder, "stop", at_step(3))
    assert outcome.state == State.STOPPED
    assert 3 <= outcome.step < 6
    assert report_of(folder)["metrics"]["after"] == {}
    return folder


def test_a_stopped_run_gets_its_test_figures_and_is_not_trained(stopped: RunFolder, events: Any) -> None:
    weights = (stopped.adapter / WEIGHTS).read_bytes()
    checkpoints = sorted(path.name for path in stopped.checkpoints.iterdir())
    trained = [event for event in events(stopped, "metric") if "epoch" in event]
    step = report_of(stopped)["step"]
    baselines = report_of(stopped)["metrics"]["baselines"]

    outcome = evaluate(stopped)
    assert outcome.state == State.STOPPED, "it may still be resumed"
    assert f"the adapter of step {step}" in outcome.reason
    assert "evaluated" in outcome.reason

    report = report_of(stopped)
    assert report["step"] == step
    assert report["warning"] in stopped.card.read_text()
    assert report["warning"].startswith("Only 8 test users")
    assert report["metrics"]["before"]["mrr"] > 0
    assert report["metrics"]["after"]["mrr"] > 0
    assert report["metrics"]["after"] != report["metrics"]["before"]
    assert report["metrics"]["baselines"] == baselines
    assert report["metrics"]["gain"].keys() == {"before", "best_baseline"}
    assert (stopped.adapter / WEIGHTS).read_bytes() == weights
    assert sorted(path.name for path in stopped.checkpoints.iterdir()) == checkpoints
    assert [event for event in events(stopped, "metric") if "epoch" in event] == trained
    assert events(stopped, "preview")[-1]["stage"] == "after"


def test_a_run_that_was_evaluated_trains_on_as_one_that_was_not(
    stopped: RunFolder, new_run: Callable[..., RunFolder], tune: Any
) -> None:
    evaluate(stopped)
    assert tune(stopped).state == State.DONE
    straight = new_run(id="straight", train__save_every=1)
    tune(straight)
    assert (stopped.adapter / WEIGHTS).read_bytes() == (straight.adapter / WEIGHTS).read_bytes()
    assert report_of(stopped)["metrics"] == report_of(straight)["metrics"]


def test_an_evaluation_that_ends_early_leaves_the_result_and_can_be_done_again(
    stopped: RunFolder, new_run: Callable[..., RunFolder]
) -> None:
    from promptrec_tui.runs.requests import request

    before = {path.name: path.read_bytes() for path in stopped.result.rglob("*") if path.is_file()}

    class KilledError(Exception):
        pass

    def kill(_: Journal, kind: str, fields: dict[str, Any]) -> None:
        if kind == "evaluation" and fields["name"] == "untuned":
            raise KilledError

    with pytest.raises(KilledError):
        evaluate(stopped, kill)

    def ask(command: Any) -> Callable[[Journal, str, dict[str, Any]], None]:
        def after_untuned(_: Journal, kind: str, fields: dict[str, Any]) -> None:
            if kind == "evaluation" and fields["name"] == "untuned":
                request(stopped, command)

        return after_untuned

    assert evaluate(stopped, ask("pause")).state == State.PAUSED
    assert evaluate(stopped, ask("stop")).state == State.STOPPED
    assert {path.name: path.read_bytes() for path in stopped.result.rglob("*") if path.is_file()} == before
    assert "evaluated" in evaluate(stopped).reason
    assert report_of(stopped)["metrics"]["after"]["mrr"] > 0


def test_the_adapter_of_the_result_serves_where_the_checkpoints_are_gone(stopped: RunFolder) -> None:
    with_checkpoints = evaluate(stopped)
    figures = report_of(stopped)["metrics"]
    shutil.rmtree(stopped.checkpoints)
    outcome = evaluate(stopped)
    assert (outcome.state, outcome.step) == (State.STOPPED, report_of(stopped)["step"])
    assert with_checkpoints.step >= outcome.step
    assert report_of(stopped)["metrics"] == figures

    (stopped.adapter / WEIGHTS).write_bytes(b"torn")
    with pytest.raises(UserError, match="is damaged"):
        evaluate(stopped)


def test_a_run_without_an_adapter_says_so(new_run: Callable[..., RunFolder], events: Any) -> None:
    folder = new_run()
    with pytest.raises(UserError, match=r"no adapter to evaluate.*Resume it without --evaluate"):
        evaluate(folder)
    assert not events(folder, "metric")
    assert not Path(folder.result).exists()
