"""Baselines that take long, within a run: refused, cancelled, and without any effect on the training."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from promptrec_tui.evaluation import ease
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.tuning import sasrec

Moment = Callable[[str, dict[str, Any]], bool]
ASKED = "sasrec,popularity,ease"


@pytest.fixture(autouse=True)
def few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sasrec, "EPOCHS", 3)


def baselines_of(folder: RunFolder) -> list[str]:
    return list(json.loads(folder.report.read_text())["metrics"]["baselines"])


def quick_done(stage: str) -> Moment:
    """When the figures of the only quick baseline are written: the slow ones come next."""
    return lambda kind, fields: (
        kind == "evaluation"
        and (fields["stage"], fields["name"])
        == (
            stage,
            "popularity",
        )
    )


def test_all_come_quick_ones_first_with_the_seconds_of_sasrec(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run(evaluation__baselines=ASKED)
    assert tune(folder).state == State.DONE
    for stage in ("validation", "test"):
        shown = [event["name"] for event in events(folder, "evaluation") if event["stage"] == stage]
        assert shown[:3] == ["popularity", "sasrec", "ease"]
    assert baselines_of(folder) == ["popularity", "sasrec", "ease"]
    messages = [event["message"] for event in events(folder, "phase") if event["phase"] == "baselines"]
    assert "Fitting sasrec for the test targets" in messages
    assert sum("sasrec took" in message and "s for 3 passes" in message for message in messages) == 2


def test_training_is_the_same_bit_for_bit_with_and_without_them(
    new_run: Callable[..., RunFolder], tune: Any
) -> None:
    weights = []
    for name, asked in (("with", ASKED), ("without", "")):
        folder = new_run(name, evaluation__baselines=asked)
        assert tune(folder).state == State.DONE
        weights.append((folder.adapter / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_catalogue_that_is_too_large_for_one_leaves_it_out_with_a_warning(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "MOST_ITEMS", 39)
    folder = new_run(evaluation__baselines="ease,popularity")
    assert tune(folder).state == State.DONE
    assert baselines_of(folder) == ["popularity"]
    warnings = [event["message"] for event in events(folder, "warning")]
    assert sum("up to 39 items, and this catalogue has 40" in warning for warning in warnings) == 2


def test_a_stop_before_the_slow_ones_keeps_the_figures_of_the_others(
    new_run: Callable[..., RunFolder], tune: Any
) -> None:
    folder = new_run(evaluation__baselines=ASKED)
    outcome = tune(folder, "stop", quick_done("test"))
    assert outcome.state == State.STOPPED
    assert baselines_of(folder) == ["popularity"]
    assert (folder.adapter / "adapter_model.safetensors").exists()


@pytest.mark.parametrize("stage", ["validation", "test"])
def test_a_run_that_is_paused_in_them_resumes_to_the_figures_of_an_undisturbed_one(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, stage: str
) -> None:
    straight, folder = (new_run(name, evaluation__baselines=ASKED) for name in ("straight", "paused"))
    assert tune(straight).state == State.DONE
    outcome = tune(folder, "pause", quick_done(stage))
    assert outcome.state == State.PAUSED
    assert outcome.step == (1 if stage == "validation" else 6)
    written = [(event["stage"], event["name"]) for event in events(folder, "evaluation")]
    assert (stage, "popularity") in written
    assert (stage, "sasrec") not in written
    assert tune(folder).state == State.DONE
    reports = [json.loads(each.report.read_text())["metrics"] for each in (straight, folder)]
    assert reports[0]["baselines"] == reports[1]["baselines"]
    assert reports[0]["after"] == reports[1]["after"]
    assert {event["name"] for event in events(folder, "evaluation") if event["stage"] == "validation"} == {
        "popularity", "ease", "sasrec",
    }  # fmt: skip


def test_a_training_that_has_no_time_left_is_a_warning_of_the_run(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sasrec, "SECONDS", 0.0)
    folder = new_run(evaluation__baselines="sasrec")
    assert tune(folder).state == State.DONE
    warnings = [event["message"] for event in events(folder, "warning")]
    assert any("sasrec was still learning for the test targets" in warning for warning in warnings)
