"""What a run has done, does and will do, and how long it still takes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from promptrec_tui.runs.label import Label
from promptrec_tui.runs.phases import ORDER
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.runs.states import State
from promptrec_tui.store.phases import PhaseRow
from promptrec_tui.store.runs import RunRow, row_of
from promptrec_tui.workspace.checklist import Left, Step, checklist, time_left

NOW = 1000.0
SHA = "0" * 64


def spec(**settings: Any) -> RunSpec:
    template = {"id": "t", "name": "list", "version": 1, "task": "next_item", "language": "en"}
    template |= {"prompt": "{{ history[0].title }}", "completion": "{{ item.title }}", "sha256": SHA}
    return RunSpec(
        id="r1",
        name="r1",
        created="2026-01-02T03:04:05+00:00",
        task="next_item",
        dataset=DatasetRef(id="d", name="films", file="d.sqlite", sha256=SHA),
        template=TemplateRef(**template, end_token=None),
        model=ModelRef(id="m", name="tiny", folder="/m", sha256=SHA, family="causal", model_type="qwen3"),
        settings=apply_settings(
            Settings(), {name.replace("__", "."): each for name, each in settings.items()}
        ),
        versions={},
        machine={},
    )


@pytest.fixture
def row() -> Callable[..., RunRow]:
    """A running run of 80 steps, validated after each tenth."""

    def make(**changes: Any) -> RunRow:
        return replace(row_of(spec(), Label()), state=State.RUNNING, attempt=1, total_steps=80, **changes)

    return make


def over(part: str, seconds: float, times: int = 1, total: int | None = None) -> PhaseRow:
    return PhaseRow(part, times, seconds, None, NOW, total, total, "")


def going(part: str, began: float, done: int | None = None, total: int | None = None) -> PhaseRow:
    return PhaseRow(part, 1, 0.0, began, NOW, done, total, "")


def states(steps: tuple[Step, ...]) -> dict[str, list[str]]:
    """The parts in each state."""
    found_in: dict[str, list[str]] = {}
    for step in steps:
        found_in.setdefault(step.state, []).append(step.part)
    return found_in


def test_a_waiting_run_has_all_its_phases_before_it(row: Callable[..., RunRow]) -> None:
    queued = replace(row(), state=State.QUEUED)
    parts = [step.part for step in checklist(spec(), queued, [over("check", 1)], None, NOW)]
    assert parts == [phase.id for phase in ORDER if phase.id not in ("temperature", "blend")]
    longer = checklist(spec(evaluation__blend=True, evaluation__baselines=""), queued, [], None, NOW)
    assert "blend" in [step.part for step in longer]
    assert "baselines" not in [step.part for step in longer]


def test_before_the_first_step_each_phase_is_done_at_work_or_waiting(row: Callable[..., RunRow]) -> None:
    phases = [over("libraries", 9, total=3), over("model", 4), going("first_step", NOW - 6, 2, 8)]
    steps = checklist(spec(), row(), phases, None, NOW + 1)
    assert states(steps)["done"] == ["libraries", "model"], "the check was left out: it is passed"
    assert states(steps)["now"] == ["first_step"]
    assert states(steps)["waiting"][:3] == ["baselines", "untuned_previews", "training"]
    step = next(step for step in steps if step.state == "now")
    assert (step.done, step.total, step.seconds, step.seconds_left) == (2, 8, 7, 17)
    assert next(step for step in steps if step.part == "baselines").total == len(
        Settings().evaluation.baselines
    )
    assert time_left(steps) == Left(17, "first step")


def test_the_time_of_training_has_its_validations_and_previews(row: Callable[..., RunRow]) -> None:
    phases = [going("training", NOW - 5), over("validation", 20, times=2), over("previews", 6, times=2)]
    steps = checklist(spec(), row(step=25), phases, 100.0, NOW)
    validation = next(step for step in steps if step.part == "validation")
    assert (validation.state, validation.done, validation.total) == ("waiting", 2, 8)
    assert time_left(steps) == Left(100 + 6 * 10 + 6 * 3, "training")


def test_after_training_the_end_is_known_from_the_untuned_model(row: Callable[..., RunRow]) -> None:
    phases = [
        over("previews", 24, times=8),
        over("untuned_validation", 9),
        going("untuned_test", NOW - 30, 50, 200),
    ]
    steps = checklist(spec(), row(step=80), phases, None, NOW)
    assert time_left(steps) == Left(90 + 120 + 3), "the rest, the tuned model alike, and previews"


def test_a_run_that_failed_is_broken_off_in_its_phase(row: Callable[..., RunRow]) -> None:
    failed = replace(row(), state=State.FAILED)
    steps = checklist(spec(), failed, [over("model", 4), going("check", NOW - 3)], None, NOW + 500)
    assert states(steps) == {"done": ["model"], "broken": ["check"]}
    assert steps[-1].seconds == 3
    assert time_left(steps) is None
    assert checklist(spec(), failed, [], None, NOW) == ()


def test_baselines_do_not_tell_how_long_the_next_one_takes(row: Callable[..., RunRow]) -> None:
    steps = checklist(spec(), row(step=1), [going("baselines", NOW - 9, 3, 4)], None, NOW)
    assert next(step for step in steps if step.part == "baselines").seconds_left is None
