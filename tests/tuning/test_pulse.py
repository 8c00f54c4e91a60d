"""A run on a machine so slow that a forward takes longer than a run may stand still."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import attach
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import STUCK_SECONDS
from promptrec_tui.runs.tuning_settings import LoraSettings
from promptrec_tui.tuning.pulse import watch

LAYER_SECONDS = 0.8 * STUCK_SECONDS


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds between two signs of life, by a clock that only the layers of the model move."""
    now, last, gaps = 0.0, 0.0, []

    def pass_time(_gradient: Tensor | None = None) -> None:
        nonlocal now
        now += LAYER_SECONDS

    def sign() -> float:
        nonlocal last
        gaps.append(now - last)
        last = now
        return now

    computed = Qwen3DecoderLayer.forward

    def slow(*given: Any, **options: Any) -> Tensor:
        hidden: Tensor = computed(*given, **options)
        pass_time()
        if hidden.requires_grad:
            hidden.register_hook(pass_time)
        return hidden

    monkeypatch.setattr(Qwen3DecoderLayer, "forward", slow)
    monkeypatch.setattr("promptrec_tui.tuning.journal.boottime", sign)
    return gaps


def test_a_slow_run_is_never_silent_for_as_long_as_a_stalled_one(
    new_run: Callable[..., RunFolder], tune: Any, waits: list[float]
) -> None:
    assert tune(new_run(train__max_steps=2, train__eval_every=1)).state == State.DONE
    assert sum(waits) > 100 * LAYER_SECONDS
    assert max(waits) < STUCK_SECONDS


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_watched_model_tells_each_layer_and_answers_the_same(
    model_folder: Any, checkpointing: bool
) -> None:
    losses, ticks = [], []
    for watched in (False, True):
        torch.manual_seed(1)
        base = load_base(model_folder, torch.device("cpu"), torch.float32)
        model = attach(base, LoraSettings(rank=4, dropout=0.0)).model.train()
        if checkpointing:
            base.gradient_checkpointing_enable()
            base.enable_input_require_grads()
        if watched:
            watch(model, lambda: ticks.append(1))
        ids = torch.arange(12)[None]
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        losses.append((loss.item(), torch.nn.utils.get_total_norm(gradients).item()))
    assert losses[0] == losses[1]
    assert len(ticks) == 6, "two layers and the head, forward and backward"
