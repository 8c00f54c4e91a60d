"""A model trained on MovieLens for the other benchmarks: with random weights a search prunes badly.

    python benchmarks/warm_model.py OUT [--config tiny|llama7m] [--steps N] [--threads T]
    python benchmarks/warm_model.py OUT --adapter FOLDER

Tunes the embedded model on ml-latest-small with the built-in list template, as a run does, and writes the
merged weights to OUT as a plain folder of transformers, with tokenizer and warm.json (steps and loss). With
`--config llama7m` a Llama of 7 million weights (width 256, 6 layers, 8 heads, context 1024, the embedded
tokenizer) is trained from scratch instead, all weights, on the same targets. With `--adapter` the adapter of
a finished run on the embedded model is merged, and nothing is trained.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from movielens import MOVIELENS, film_task, read_films
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach, load_tuned
from promptrec_tui.runs.spec import DataSettings, TrainSettings
from promptrec_tui.runs.tuning_settings import FullSettings, LoraSettings
from promptrec_tui.tokentree.backbone import chunk_of
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.data import TrainingTrees
from promptrec_tui.tuning.trainer import TargetTrainer, training_arguments

CPU = torch.device("cpu")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
RATES = {"tiny": 3e-3, "llama7m": 1e-3}
LORA = LoraSettings(rank=64, alpha=128, dropout=0.0)
LAST = 50
"""Steps that the loss in warm.json is a mean of."""


class Losses(TrainerCallback):
    """Records the loss of each step, and prints it from time to time."""

    def __init__(self, trainer: TargetTrainer) -> None:
        self.trainer = trainer
        self.values: list[float] = []
        self.start = time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.values.append(self.trainer.step_loss)
        if len(self.values) % 25 == 0 or len(self.values) == state.max_steps:
            rate = (time.perf_counter() - self.start) / len(self.values)
            loss = statistics.mean(self.values[-25:])
            tell(f"step {len(self.values)} of {state.max_steps}, loss {loss:.3f}, {rate:.2f} s a step")


def tell(message: str) -> None:
    """A line of progress."""
    print(message, file=sys.stderr, flush=True)


def bare_llama(vocabulary: int) -> Any:
    """The second configuration, with random weights."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        num_hidden_layers=6,
        num_attention_heads=8,
        intermediate_size=768,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def train(tuned: Tuned, out: Path, movielens: Path, settings: TrainSettings) -> list[float]:
    """Train a model, whose config and tokenizer are in `out`, on every target; the loss of each step."""
    films = read_films(movielens)
    trees = TrainingTrees(film_task(films, out), films.users, DataSettings())
    plan = Plan(
        trees,
        batch_size=settings.batch_size,
        seed=settings.seed,
        max_steps=settings.max_steps,
        sizes=trees.sizes,
    )
    tell(f"{plan.targets} targets; {plan.total_steps} steps of {plan.batch_size}")
    with TemporaryDirectory() as place:
        loss = partial(completion_loss, chunk=chunk_of(tuned.model))
        arguments = training_arguments(settings, plan, Path(place), CPU)
        trainer = TargetTrainer(tuned, plan, loss, arguments)
        losses = Losses(trainer)
        trainer.add_callback(losses)
        trainer.train()
    return losses.values


def main(arguments: Sequence[str]) -> None:
    """Make the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", choices=sorted(RATES), default="tiny")
    parser.add_argument("--adapter", type=Path, help="merge this adapter and train nothing")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--quick", action="store_true", help="three steps of sixteen targets")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    settings = TrainSettings(
        learning_rate=RATES[options.config],
        max_steps=3 if options.quick else options.steps,
        batch_size=16 if options.quick else 128,
    )
    set_seed(settings.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER:
        shutil.copy(EMBEDDED / name, options.out / name)

    losses: list[float] = []
    model: Any = load_base(EMBEDDED, CPU, torch.float32)
    if options.adapter:
        model = load_tuned(model, options.adapter).model.merge_and_unload()
    elif options.config == "tiny":
        model.config.save_pretrained(options.out)
        tuned = attach(model, LORA)
        losses = train(tuned, options.out, options.movielens, settings)
        model = tuned.model.merge_and_unload()
    else:
        model = bare_llama(model.config.vocab_size)
        model.config.save_pretrained(options.out)
        losses = train(attach(model, FullSettings()), options.out, options.movielens, settings)
    model.eval().save_pretrained(options.out)
    facts = {
        "config": options.config,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "steps": len(losses) or None,
        "targets_a_step": settings.batch_size if losses else None,
        "first_loss": losses[0] if losses else None,
        "last_loss": statistics.mean(losses[-LAST:]) if losses else None,
        "adapter": options.adapter.name if options.adapter else None,
    }
    (options.out / "warm.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
