"""Compares our step with Trainer's: loss and gradients of the same targets, dropout 0.

    python benchmarks/gradients.py [--template NAME] [--targets N]

Both take one optimiser step over all targets, each token counting alike as it does for Trainer, under
adapters that are not zero. Prints the difference of the losses and the largest difference of a weight's
gradient, ‖ours − theirs‖ / ‖theirs‖.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from memory import answer
from movielens import MOVIELENS, film_task, first, read_films, target_groups
from peers import hf_train
from torch import Tensor
from training_process import CPU, adapted_model
from transformers import AutoTokenizer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.runs.tuning_settings import LoraSettings
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.tree import merge
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.trainer import TargetTrainer, training_arguments


class Gradients(TrainerCallback):
    """Records the gradients that the optimiser gets."""

    def __init__(self) -> None:
        self.gradients: dict[str, Tensor] = {}

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        weights = kwargs["model"].named_parameters()
        self.gradients = {name: weight.grad.clone() for name, weight in weights if weight.grad is not None}


def fresh() -> Tuned:
    """The embedded model under an adapter whose weights are not zero, always the same one."""
    tuned = adapted_model(tuning=LoraSettings(dropout=0.0))
    for name, weight in tuned.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return tuned


def main(arguments: Sequence[str]) -> None:
    """Take both steps and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--template", default="list")
    parser.add_argument("--targets", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    films = read_films(options.movielens)
    groups = first(target_groups(film_task(films, EMBEDDED, options.template), films, 4), options.targets)
    examples = list(chain(*groups))
    settings = TrainSettings(batch_size=len(examples), loss="token", max_grad_norm=0.0, epochs=1)
    trees = [
        merge([example.token_ids for example in group], [example.start for example in group])
        for group in groups
    ]
    plan = Plan(trees, batch_size=len(examples), loss="token")
    mine, theirs = Gradients(), Gradients()
    with TemporaryDirectory() as place:
        arguments_of_run = training_arguments(settings, plan, Path(place), CPU)
        trainer = TargetTrainer(fresh(), plan, completion_loss, arguments_of_run)
        trainer.add_callback(mine)
        trainer.train()
        tokenizer = AutoTokenizer.from_pretrained(str(EMBEDDED))
        loss = hf_train(fresh().model, tokenizer, examples, settings, Path(place), callbacks=[theirs])
    if mine.gradients.keys() != theirs.gradients.keys():
        raise ValueError("The two steps have trained different weights.")
    largest = max(
        float((mine.gradients[name] - other).norm() / other.norm())
        for name, other in theirs.gradients.items()
    )
    answer(
        {
            "targets": len(examples),
            "loss": loss,
            "loss_difference": abs(trainer.step_loss - loss),
            "gradient_difference": largest,
        }
    )


if __name__ == "__main__":
    main(sys.argv[1:])
