"""The loss of a step and its gradients, against one target at a time by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.runs.tuning_settings import FullSettings, LastLayersSettings, LoraSettings, TuningSettings
from promptrec_tui.tokentree.backbone import causal_of
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.tree import Tree
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.data import TrainingTrees, checked_dataset, open_task, read_users
from promptrec_tui.tuning.trainer import TargetTrainer, training_arguments

TARGETS = 13
LORA = LoraSettings(rank=4, dropout=0.0)


class Watch(TrainerCallback):
    """Keeps the gradients that the optimiser is given."""

    def __init__(self) -> None:
        self.gradients: dict[str, torch.Tensor] = {}

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.gradients = gradients(kwargs["model"])


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def fresh(folder: Path, settings: TuningSettings = LORA) -> Tuned:
    """The tiny model under a method; adapters are not zero."""
    torch.manual_seed(5)
    base = load_base(folder, torch.device("cpu"), torch.float32)
    tuned = attach(base, settings)
    for name, weight in tuned.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return tuned


def by_hand(model: Any, plan: Plan, loss: str) -> float:
    """One forward a target, all logits, no padding; gradients stay in the model."""
    examples = []
    for piece in plan.pieces(0):
        for owner in np.unique(piece.owners):
            edges = piece.owners == owner
            last = piece.sources[edges].max()
            seen = [node for node in range(last + 1) if piece.ends[node] > last]
            examples.append(([*piece.token_ids[seen], piece.labels[edges][-1]], int(edges.sum())))
    tokens = sum(length for _, length in examples)
    total = 0.0
    for ids, length in examples:
        row = torch.tensor([ids], dtype=torch.long)
        logs = model(input_ids=row).logits[0, -length - 1 : -1].log_softmax(-1)
        picked = logs.gather(1, row[0, -length:, None])
        part = -picked.sum() / tokens if loss == "token" else -picked.mean() / len(examples)
        part.backward()  # type: ignore[no-untyped-call]
        total += part.item()
    return total


def some_rows(folder: RunFolder) -> list[Tree]:
    """The training rows of a run."""
    spec = folder.spec()
    with checked_dataset(folder.home, spec) as dataset:
        users = read_users(dataset, spec.settings.data)
        task = open_task(spec, dataset, dataset.items())
    return [*TrainingTrees(task, users, spec.settings.data)]


@pytest.mark.parametrize("template", ["list", "next-item-en"])
@pytest.mark.parametrize(("loss", "accumulate"), [("target", 1), ("target", 3), ("token", 2)])
def test_gradients_are_those_of_one_target_at_a_time(
    new_run: Callable[..., RunFolder],
    model_folder: Path,
    tmp_path: Path,
    template: str,
    loss: str,
    accumulate: int,
) -> None:
    rows = some_rows(new_run(template=template))
    plan = Plan(rows, batch_size=TARGETS, accumulate=accumulate, loss=loss, max_steps=1)

    model = fresh(model_folder)
    settings = TrainSettings(max_grad_norm=0.0)
    trainer = TargetTrainer(
        model, plan, completion_loss, training_arguments(settings, plan, tmp_path, torch.device("cpu"))
    )
    watch = Watch()
    trainer.add_callback(watch)
    trainer.train()

    other = fresh(model_folder).model
    assert trainer.step_loss == pytest.approx(by_hand(other, plan, loss), rel=1e-5)
    expected = gradients(other)
    assert watch.gradients.keys() == expected.keys()
    assert len(expected) > 20
    for name, gradient in expected.items():
        torch.testing.assert_close(watch.gradients[name], gradient, rtol=1e-4, atol=1e-6)
    rows = sum(len(batch["token_ids"]) for batch in plan.batches(0))
    assert rows < TARGETS, "targets of one user share a row"


@pytest.mark.parametrize(
    "method", [LORA, FullSettings(), LastLayersSettings(layers=1)], ids=lambda each: each.method
)
def test_gradient_checkpointing_computes_layers_twice_and_the_same_gradients(
    new_run: Callable[..., RunFolder], model_folder: Path, tmp_path: Path, method: TuningSettings
) -> None:
    plan = Plan(some_rows(new_run()), batch_size=TARGETS, max_steps=1)
    losses, forwards, gradients = [], [], []
    for kept in (False, True):
        tuned = fresh(model_folder, method)
        calls: list[int] = []
        causal_of(tuned.model).model.layers[1].mlp.register_forward_pre_hook(
            lambda *_: calls.append(1)  # noqa: B023
        )
        settings = TrainSettings(gradient_checkpointing=kept)
        arguments = training_arguments(settings, plan, tmp_path, torch.device("cpu"))
        trainer = TargetTrainer(tuned, plan, completion_loss, arguments)
        watch = Watch()
        trainer.add_callback(watch)
        trainer.train()
        gradients.append(watch.gradients)
        losses.append(trainer.step_loss)
        forwards.append(len(calls))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert forwards == [1, 2]
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) > 5
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-6)
