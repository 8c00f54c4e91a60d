"""A run that was paused ends as one that was not, bit for bit."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from promptrec_tui.runs.checkpoints import checkpoint_path, verify
from promptrec_tui.runs.events import Event, to_fields
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.requests import RequestInbox

WEIGHTS = {
    "lora": "adapter_model.safetensors",
    "full": "tuned_weights.safetensors",
    "last_layers": "tuned_weights.safetensors",
    "catalogue": "adapter_model.safetensors",
}
METHODS: dict[str, dict[str, Any]] = {
    "lora": {},
    "full": {"tuning.method": "full", "train.learning_rate": 1e-3},
    "last_layers": {"tuning.method": "last_layers", "tuning.layers": 1, "train.learning_rate": 1e-3},
    "catalogue": {
        "train.loss": "catalogue",
        "train.temperature": 1.5,
        "evaluation.score": "catalogue",
        "data.window": "sliding",
    },
}


def at_step(step: int) -> Callable[[str, dict[str, Any]], bool]:
    """The moment at which the figures of a training step are written."""
    return lambda kind, fields: kind == "metric" and "epoch" in fields and fields["step"] == step


def in_validation(step: int) -> Callable[[str, dict[str, Any]], bool]:
    """The moment between the validation figures of a step and its previews."""
    return lambda kind, fields: kind == "metric" and "epoch" not in fields and fields["step"] == step


def figures(folder: RunFolder) -> Any:
    """The report without the hash of the adapter's folder, whose card has the name of the run."""
    return {**json.loads(folder.report.read_text()), "adapter_sha256": None}


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures at every step, however fast it is."""
    monkeypatch.setattr("promptrec_tui.tuning.callbacks.METRIC_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("method", "when"),
    [
        pytest.param("lora", at_step(2), id="2"),
        pytest.param("lora", at_step(3), id="3"),
        pytest.param("lora", in_validation(3), id="validating"),
        pytest.param("lora", at_step(6), id="last"),
        pytest.param("full", at_step(4), id="full"),
        pytest.param("last_layers", at_step(4), id="last_layers"),
        pytest.param("catalogue", at_step(4), id="catalogue"),
    ],
)
@pytest.mark.usefixtures("every_step")
def test_a_paused_run_ends_as_an_undisturbed_one(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, method: str, when: Any
) -> None:
    straight, paused = (new_run(id=name, **METHODS[method]) for name in ("straight", "paused"))
    assert tune(straight).state == State.DONE

    outcome = tune(paused, "pause", when)
    assert outcome.state == State.PAUSED
    assert not paused.result.exists()
    assert verify(checkpoint_path(paused, outcome.step)).step == outcome.step
    assert tune(paused).state == State.DONE

    file = WEIGHTS[method]
    assert (paused.adapter / file).read_bytes() == (straight.adapter / file).read_bytes()
    last = [checkpoint_path(folder, 6) / file for folder in (straight, paused)]
    assert last[0].read_bytes() == last[1].read_bytes()
    assert figures(paused) == figures(straight)
    curves = []
    for folder in (straight, paused):
        losses = {
            (event["step"], name): value
            for event in events(folder, "metric")
            for name, value in event["values"].items()
            if name != "targets_per_second"
        }
        curves.append(losses)
    assert curves[0] == curves[1]
    assert {step for step, name in curves[0] if name == "train_loss"} == set(range(1, 7))
    assert {step for step, name in curves[0] if name == "ndcg@10"} == {0, 3, 6}


def test_a_checkpoint_holds_the_model_without_what_training_puts_around_it(
    new_run: Callable[..., RunFolder], tune: Any
) -> None:
    """Files and names as every version has written them: older checkpoints resume, and peft reads them."""
    folder = new_run()
    tune(folder)
    place = checkpoint_path(folder, 6)
    state = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")
    adapter = ("README.md", "adapter_config.json", WEIGHTS["lora"])
    assert {path.name for path in place.iterdir()} == {*state, *adapter, "manifest.json"}
    names = load_file(place / WEIGHTS["lora"]).keys()
    assert all(
        re.fullmatch(r"base_model\.model\.model\.layers\.\d.*lora_[AB]\.weight", name) for name in names
    )
    optimizer = torch.load(place / "optimizer.pt")
    assert [len(group["params"]) for group in optimizer["param_groups"]] == [len(names), 0]


def test_a_pause_in_the_final_evaluation_resumes_there(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run()
    outcome = tune(folder, "pause", lambda kind, fields: fields.get("name") == "untuned")
    assert outcome.state == State.PAUSED
    before = [event for event in events(folder, "metric") if event["step"]]
    assert tune(folder).state == State.DONE
    after = [event for event in events(folder, "metric") if event["step"]]
    assert after == before, "nothing is trained again"
    assert {event["name"] for event in events(folder, "evaluation") if event["stage"] == "test"} >= {"tuned"}


def test_patience_is_counted_across_a_pause(new_run: Callable[..., RunFolder], tune: Any) -> None:
    # Nothing is learned at this rate, so the first evaluation stays the best.
    settings = {
        "train.learning_rate": 1e-12,
        "train.max_steps": 20,
        "train.eval_every": 1,
        "train.patience": 3,
    }
    straight, paused = new_run(id="straight", **settings), new_run(id="paused", **settings)
    undisturbed = tune(straight)
    assert (undisturbed.step, "adapter of step 1" in undisturbed.reason) == (4, True)
    assert tune(paused, "pause", in_validation(3)).step == 3
    assert tune(paused) == undisturbed
    assert verify(checkpoint_path(paused, 4)).extra == verify(checkpoint_path(straight, 4)).extra


@pytest.mark.usefixtures("every_step")
def test_a_damaged_checkpoint_is_passed_over(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run(train__save_every=1)
    tune(folder, "pause", at_step(5))
    damaged = checkpoint_path(folder, 5) / "optimizer.pt"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert tune(folder).state == State.DONE
    assert "quarantine" in events(folder, "warning")[0]["message"]
    again = [event["step"] for event in events(folder, "metric") if "epoch" in event]
    assert again == [1, 2, 3, 4, 5, 5, 6]


@pytest.mark.usefixtures("every_step")
def test_sigterm_pauses(new_run: Callable[..., RunFolder], events: Any) -> None:
    from promptrec_tui.tuning.recipe import fine_tune

    class Struck(Journal):
        def write(self, event: Event) -> None:
            super().write(event)
            if at_step(2)(event.kind, to_fields(event)):
                os.kill(os.getpid(), signal.SIGTERM)

    folder = new_run()
    folder.attempt(1).path.mkdir(parents=True)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with Struck(folder, 1) as journal:
            inbox = RequestInbox(journal)
            inbox.take_signals()
            outcome = fine_tune(folder, "cpu", journal, inbox)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (outcome.state, outcome.step) == (State.PAUSED, 2)
    assert verify(checkpoint_path(folder, 2)).step == 2


def test_a_checkpoint_is_saved_on_request(new_run: Callable[..., RunFolder], tune: Any, events: Any) -> None:
    folder = new_run()
    assert tune(folder, "checkpoint", at_step(1)).state == State.DONE
    (ack,) = events(folder, "ack")
    assert (ack["command"], ack["result"]) == ("checkpoint", "saved checkpoint-1")
    assert events(folder, "checkpoint")[0]["step"] == 1
    assert not Path(checkpoint_path(folder, 1)).exists(), "rotated: two newest and the best are kept"
