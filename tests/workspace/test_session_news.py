"""What is said of the runs when the app comes back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import FinishedEvent, MetricEvent
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.runs.states import State
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.session_news import broken_off, meanwhile

HOUR = 3600.0
LEFT = datetime(2026, 5, 4, 9, tzinfo=UTC).timestamp()
SHA = "0" * 64

End = Callable[..., RunFolder]


@pytest.fixture
def workspace(home: Home) -> Any:
    with opened(home) as here:
        yield here


@pytest.fixture
def end(home: Home, monkeypatch: pytest.MonkeyPatch) -> End:
    """A run that was made at one moment and ended at another, as its folder tells."""

    def write(
        name: str,
        state: str,
        at: float,
        made: float = LEFT - HOUR,
        reason: str = "",
        ndcg: float | None = None,
    ) -> RunFolder:
        spec = RunSpec(
            id=name,
            name=name,
            created=datetime.fromtimestamp(made, UTC).isoformat(timespec="seconds"),
            task="next_item",
            dataset=DatasetRef(id="d", name="films", file="datasets/d.sqlite", sha256=SHA),
            template=TemplateRef(
                id="t",
                name="list",
                version=1,
                task="next_item",
                language="en",
                prompt="{{ history[0].title }}",
                completion="{{ item.title }}",
                end_token=None,
                sha256=SHA,
            ),
            model=ModelRef(id="m", name="tiny", folder="/m", sha256=SHA, family="f", model_type="qwen3"),
            settings=Settings(),
            versions={},
            machine={},
        )
        folder = create_run(home, spec)
        folder.attempt(1).path.mkdir()
        with monkeypatch.context() as clock, EventLog(folder, 1) as log:
            clock.setattr("time.time", lambda: at)
            log.write(MetricEvent(9, {"train_loss": 1.0}))
            if state != State.INTERRUPTED:
                log.write(FinishedEvent(State(state), reason, step=9))
        write_json(folder.attempt(1).started, {"time": at, "supervisor": None, "trainer": None})
        verdict = {"code": 0, "signal": None, "time": at, "state": state, "reason": reason}
        write_json(folder.attempt(1).exit, verdict)
        if ndcg is not None:
            folder.result.mkdir()
            write_json(folder.report, {"metrics": {"before": None, "after": {"ndcg@10": ndcg}}})
        return folder

    return write


def absence_report(workspace: Workspace, seen: dict[str, str], now: float) -> str:
    return meanwhile(workspace, seen, LEFT, now)


def clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment):%H:%M}"


def test_a_run_that_finished_and_one_that_failed(workspace: Workspace, end: End) -> None:
    end("a", "done", LEFT + HOUR, ndcg=0.08126)
    end("b", "failed", LEFT + 2 * HOUR, reason="The loss was not a number at step 4.")
    assert absence_report(workspace, {"a": "running", "b": "queued"}, LEFT + 3 * HOUR) == (
        f"While you were away (3 h): run a finished at {clock(LEFT + HOUR)}, NDCG@10 0.0813; "
        f"run b failed at {clock(LEFT + 2 * HOUR)}: The loss was not a number at step 4."
    )


def test_what_was_seen_is_no_news(workspace: Workspace, end: End) -> None:
    end("a", "done", LEFT - 60)
    end("b", "paused", LEFT - 60)
    assert absence_report(workspace, {"b": "paused"}, LEFT + HOUR) == ""


def test_a_run_that_others_made_meanwhile_is_news(workspace: Workspace, end: End) -> None:
    end("a", "stopped", LEFT + HOUR, made=LEFT + 60)
    end("b", "done", LEFT - HOUR, made=LEFT - 2 * HOUR)
    assert absence_report(workspace, {}, LEFT + HOUR) == (
        f"While you were away (1 h): run a stopped at {clock(LEFT + HOUR)}."
    )


def test_a_clock_that_was_set_back_hides_nothing(workspace: Workspace, end: End) -> None:
    end("a", "done", LEFT + 2 * HOUR)
    assert absence_report(workspace, {"a": "running"}, LEFT - 24 * HOUR) == (
        f"While you were away (2 h): run a finished at {clock(LEFT + 2 * HOUR)}."
    )


def test_of_many_runs_the_last_are_told(workspace: Workspace, end: End) -> None:
    for number in range(6):
        end(f"r{number}", "done", LEFT + number * 60 + 60)
    news = absence_report(workspace, {f"r{number}": "queued" for number in range(6)}, LEFT + 600)
    assert news.startswith("While you were away (10 min): 3 other runs changed; run r3 finished")
    assert news.index("run r3") < news.index("run r4") < news.index("run r5")


def test_an_absence_over_days_names_the_day(workspace: Workspace, end: End) -> None:
    end("a", "interrupted", LEFT + HOUR)
    news = absence_report(workspace, {"a": "running"}, LEFT + 72 * HOUR)
    day = datetime.fromtimestamp(LEFT + HOUR)
    assert news == f"While you were away (3 days): run a was interrupted on {day:%d %b at %H:%M}."


def test_what_became_of_an_import(workspace: Workspace) -> None:
    assert broken_off(workspace, "dataset", "films").endswith("its form still has what you typed.")
    assert broken_off(workspace, "model", "tiny").endswith("is finished.")
