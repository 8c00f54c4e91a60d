"""A run whose device has no memory for its figures: what it has learned is never lost by that."""

import io
import json
import math
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from promptrec_tui.errors import UserError
from promptrec_tui.models.loading import load_base
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.serving.loading import load
from promptrec_tui.serving.stdio import serve
from promptrec_tui.tokentree.loss import Batch, completion_loss
from promptrec_tui.tokentree.prefix import Prefix
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning import validation_loss
from promptrec_tui.tuning.jobs import next_item
from tests.tuning.test_evaluate import evaluate, report_of

WEIGHTS = "adapter_model.safetensors"


def full(*_asked: Any) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@contextmanager
def no_search() -> Any:
    """No round of any search fits, however small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prefix, "expand", full)
        yield


def warnings_of(events: Any, folder: RunFolder) -> list[str]:
    return [event["message"] for event in events(folder, "warning")]


def test_a_run_whose_figures_never_fit_keeps_its_adapter_and_gets_them_later(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    straight = new_run("straight", train__patience=1, train__monitor="validation_loss")
    tune(straight)
    folder = new_run(train__patience=1, train__monitor="validation_loss")
    with no_search():
        outcome = tune(folder)
    assert outcome.state == State.FAILED
    assert "test figures are missing" in outcome.reason
    assert "'promptrec run resume run1 --evaluate'" in outcome.reason
    assert (folder.adapter / WEIGHTS).read_bytes() == (straight.adapter / WEIGHTS).read_bytes()
    report = report_of(folder)
    assert report["missing"] == outcome.reason
    assert report["metrics"]["after"] == {}
    assert report["metrics"]["baselines"] == report_of(straight)["metrics"]["baselines"]
    assert "its test did not fit the memory of the GPU" in folder.card.read_text()
    warnings = warnings_of(events, folder)
    assert any("has no ranks of the validation targets. The GPU" in message for message in warnings)
    losses = [e["values"]["validation_loss"] for e in events(folder, "metric") if "epoch" not in e]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses

    with no_search():
        assert evaluate(folder).state == State.FAILED
    assert report_of(folder) == report, "an earlier result stays"

    evaluate(folder)
    assert report_of(folder)["metrics"] == report_of(straight)["metrics"]
    assert report_of(folder)["missing"] == ""


def test_a_run_without_any_validation_is_not_ended_by_patience(
    new_run: Callable[..., RunFolder], tune: Any
) -> None:
    folder = new_run(train__patience=1, train__eval_every=1)

    def loss(model: Any, batch: Batch, *options: Any, **named: Any) -> torch.Tensor:
        return completion_loss(model, batch, *options, **named) if model.training else full()

    with no_search(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(next_item, "completion_loss", loss)
        outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.FAILED, 6)
    assert report_of(folder)["step"] == 6
    assert tune(folder).state == State.DONE, "a plain resume makes the figures too"
    assert report_of(folder)["metrics"]["after"]["mrr"] > 0


@pytest.mark.parametrize("place", ["places_each", "_search"])
def test_figures_that_were_made_before_memory_ran_out_are_kept(
    new_run: Callable[..., RunFolder], tune: Any, place: str
) -> None:
    """The untuned model is ranked first; the fault comes with the tuned one's test."""
    folder = new_run()
    asked = getattr(Ranker, place)

    def late(self: Ranker, *rest: Any, **options: Any) -> Any:
        if any(e["kind"] == "evaluation" and e["name"] == "untuned" for e in _logged_events(folder)):
            full()
        return asked(self, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ranker, place, late)
        assert tune(folder).state == State.FAILED
    report = report_of(folder)
    assert report["metrics"]["before"]["mrr"] > 0
    assert report["metrics"]["after"] == {}
    assert (folder.adapter / WEIGHTS).is_file()


def _logged_events(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.events.read_text().splitlines()]


def test_validation_and_previews_take_less_at_once_and_tell_the_same(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, folder = new_run("straight"), new_run()
    tune(straight)
    sizes: list[int] = []

    def loss(model: Any, batch: Batch, *options: Any, **named: Any) -> torch.Tensor:
        if not model.training:
            sizes.append(len(batch["token_ids"]))
            if sizes[-1] > 1:
                full()
        return completion_loss(model, batch, *options, **named)

    read, expand = Prefix.read, Prefix.expand

    def narrow(self: Prefix, tree: Any) -> torch.Tensor:
        if len(tree) > 40:
            full()
        return read(self, tree)

    def few(self: Prefix, expansions: Any) -> torch.Tensor:
        if max(len(each.tokens) for each in expansions if each) > 20:
            full()
        return expand(self, expansions)

    monkeypatch.setattr(validation_loss, "completion_loss", loss)
    monkeypatch.setattr(Prefix, "read", narrow)
    monkeypatch.setattr(Prefix, "expand", few)
    assert tune(folder).state == State.DONE
    assert max(sizes) > 1
    assert not any("no memory" in message for message in warnings_of(events, folder))
    for kind in ("metric", "preview"):
        ours, theirs = (
            [event for event in events(run, kind) if "epoch" not in event] for run in (folder, straight)
        )
        assert len(ours) == len(theirs) > 1
        for one, other in zip(ours, theirs, strict=True):
            if kind == "metric":
                assert one["values"] == pytest.approx(other["values"], rel=1e-5)
            else:
                assert [user["rank"] for user in one["users"]] == [user["rank"] for user in other["users"]]
    assert report_of(folder)["metrics"] == report_of(straight)["metrics"]


def test_a_model_that_the_device_cannot_hold_is_a_sentence(
    model_folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(UserError, match=r"no memory for the weights of .* 0\.0 GiB: free it"):
        load_base(model_folder, torch.device("cpu"), torch.float32)


def test_a_scorer_without_memory_says_so_and_answers_the_next(
    new_run: Callable[..., RunFolder], tune: Any
) -> None:
    folder = new_run(train__max_steps=1)
    tune(folder)
    asked = load(folder, "cpu")
    question = {"verb": "top_k", "history": ["i1", "i2"], "k": 3}

    def answers(*requests: dict[str, Any]) -> list[dict[str, Any]]:
        said = io.StringIO()
        serve(asked, io.StringIO("".join(json.dumps(each) + "\n" for each in requests)), said)
        return [json.loads(line) for line in said.getvalue().splitlines()]

    with no_search():
        (refused,) = answers({"id": 1, **question})
    assert refused["error"].startswith("The GPU has no memory to score titles")
    (answer,) = answers({"id": 2, **question})
    assert len(answer["items"]) == 3
