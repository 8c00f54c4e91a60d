"""Options of the training: each changes what it should, and nothing where it is off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from promptrec_tui.errors import UserError
from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import Settings, TrainSettings
from promptrec_tui.runs.tuning_settings import FullSettings
from promptrec_tui.tokentree.backbone import hidden_states, logits_of
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.tree import merge
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.perturbation import directions, moved, recorded
from promptrec_tui.tuning.trainer import TargetTrainer, training_arguments

CPU = torch.device("cpu")
SEQUENCES = [[4, 5, 6, 7, 8, 2], [9, 10, 11, 12, 2], [4, 5, 20, 21, 2]]
STARTS = [3, 2, 2]


def fresh(folder: Path) -> Tuned:
    return attach(load_base(folder, CPU, torch.float32), FullSettings())


def plan(steps: int) -> Plan:
    trees = [merge([sequence], [start]) for sequence, start in zip(SEQUENCES, STARTS, strict=True)]
    return Plan(trees, batch_size=len(trees), max_steps=steps)


def trained(folder: Path, run: RunFolder, steps: int = 1, adversarial: float = 0.0, **settings: Any) -> Any:
    """The trainer after some steps of the model of `folder`, which has no dropout."""
    steps_of = plan(steps)
    given = TrainSettings(**{"scheduler": "constant", "warmup": 0.0, "weight_decay": 0.0, **settings})
    arguments = training_arguments(given, steps_of, run.checkpoints, CPU)
    trainer = TargetTrainer(fresh(folder), steps_of, completion_loss, arguments, adversarial)
    trainer.train()
    return trainer


def weights(trainer: Any) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in trainer.tuned.model.parameters()])


def test_label_smoothing_shares_the_aim_among_all_tokens(model_folder: Path) -> None:
    model: Any = load_base(model_folder, CPU, torch.float32)
    (batch,) = plan(1).batches(0)
    with torch.no_grad():
        hidden = hidden_states(model, batch["token_ids"])[batch["rows"], batch["columns"]]
        logs = logits_of(model, hidden).log_softmax(-1)
        aimed = -logs[torch.arange(len(logs)), batch["labels"]]
        by_hand = ((0.9 * aimed - 0.1 * logs.mean(-1)) * batch["weights"]).sum()
        smooth = completion_loss(model, batch, smoothing=0.1)
        assert smooth.item() == pytest.approx(by_hand.item(), abs=1e-5)
        assert smooth.item() != pytest.approx(completion_loss(model, batch).item(), abs=1e-3)


def test_a_perturbed_batch_has_a_higher_loss_and_a_tiny_one_the_same(model_folder: Path) -> None:
    model: Any = load_base(model_folder, CPU, torch.float32)
    (batch,) = plan(1).batches(0)
    embeddings = model.get_input_embeddings()
    with recorded(embeddings) as outputs:
        plain = completion_loss(model, batch)
        plain.backward()
    assert [output.shape[:2] for output in outputs] == [batch["token_ids"].shape]
    steps = directions(outputs, 0.05)
    assert [float(norm) for norm in steps[0].flatten(1).norm(dim=1)] == pytest.approx([0.05] * len(steps[0]))
    with torch.no_grad():
        with moved(embeddings, steps):
            assert completion_loss(model, batch).item() > plain.item() + 1e-3
        with moved(embeddings, directions(outputs, 1e-9)):
            assert completion_loss(model, batch).item() == pytest.approx(plain.item(), abs=1e-5)
        assert completion_loss(model, batch).item() == pytest.approx(plain.item(), abs=1e-6)


def test_adversarial_training_steps_by_half_of_both_gradients(
    model_folder: Path, new_run: Callable[..., RunFolder]
) -> None:
    rate, length = 0.1, 0.05
    tuned = fresh(model_folder)
    before = torch.cat([weight.detach().flatten() for weight in tuned.model.parameters()])
    (batch,) = plan(1).batches(0)
    embeddings = tuned.model.get_input_embeddings()
    with recorded(embeddings) as outputs:
        (completion_loss(tuned.model, batch) / 2).backward()
    with moved(embeddings, directions(outputs, length)):
        (completion_loss(tuned.model, batch) / 2).backward()
    gradient = torch.cat([weight.grad.flatten() for weight in tuned.model.parameters()])
    options: dict[str, Any] = {"optimizer": "sgd", "learning_rate": rate, "max_grad_norm": 0.0}
    trainer = trained(model_folder, new_run(), adversarial=length, **options)
    torch.testing.assert_close(weights(trainer), before - rate * gradient, atol=1e-6, rtol=1e-5)
    plain = trained(model_folder, new_run("plain"), **options)
    assert (weights(plain) - weights(trainer)).abs().max() > 1e-5
    assert plain.step_loss == pytest.approx(trainer.step_loss, abs=1e-6)


def test_momentum_and_noise_change_the_second_step_and_the_first(
    model_folder: Path, new_run: Callable[..., RunFolder]
) -> None:
    options: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 0.1}
    made = {
        name: weights(trained(model_folder, new_run(name), steps, **options, **more))
        for name, steps, more in (
            ("one", 1, {}),
            ("one-momentum", 1, {"momentum": 0.9}),
            ("two", 2, {}),
            ("two-momentum", 2, {"momentum": 0.9}),
            ("noise", 1, {"embedding_noise": 5.0}),
        )
    }
    torch.testing.assert_close(made["one"], made["one-momentum"])
    assert (made["two"] - made["two-momentum"]).abs().max() > 1e-4
    assert (made["one"] - made["noise"]).abs().max() > 1e-5


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    """n / (classes · count), which has mean 1 over the texts."""
    from promptrec_tui.tuning.jobs.encoder_classes import balanced_weights

    counted = balanced_weights([0, 0, 0, 1], 2)
    assert counted.tolist() == pytest.approx([4 / 6, 4 / 2])
    assert functional.embedding(torch.tensor([0, 0, 0, 1]), counted[:, None]).mean() == pytest.approx(1)
    assert balanced_weights([0, 0], 3).isfinite().all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train.momentum": 0.9}, r"set that, or leave it at 0"),
        ({"train.label_smoothing": 0.1, "train.loss": "catalogue"}, "train.loss=target"),
        ({"train.embedding_noise": 5, "tuning.method": "prompt_tuning"}, "tuning.method=lora"),
        ({"train.gradient_checkpointing": True, "tuning.method": "prefix_tuning"}, "prompt_tuning"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        apply_settings(Settings(), changes)
