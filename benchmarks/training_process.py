"""One trainer in a process of its own, so that its memory can be measured; `training.py` starts it.

    python benchmarks/training_process.py PEER [--template NAME] [--users N] [--single] [--vocabulary V] …

PEER is ours, catalogue (ours with the loss over the catalogue), padded, grouped or trl. Answers the seconds
of each round over the same targets, all of them once a round; loading is not counted, the setting up of a
trainer is. A warm-up on eight targets comes first.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from memory import answer, ready
from movielens import MOVIELENS, film_task, first, read_films, single_targets, target_groups
from peers import hf_train, trl_train
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed

from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach
from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.runs.tuning_settings import LoraSettings
from promptrec_tui.tasks.next_item import Example
from promptrec_tui.tokentree.backbone import chunk_of
from promptrec_tui.tokentree.choices import Choices, choices_of
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.tree import Tree, merge
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.trainer import TargetTrainer, training_arguments

CPU = torch.device("cpu")
SETTINGS = TrainSettings(learning_rate=3e-3, epochs=1)
ROUNDS = 5
WARM_UP = 8

Groups = list[list[Example]]


@dataclass(frozen=True)
class Bench:
    """The input of every trainer."""

    tuned: Tuned
    tokenizer: Any
    folder: Path
    titles: Sequence[tuple[int, ...]]

    def ours(self, groups: Groups, settings: TrainSettings = SETTINGS) -> None:
        """A run's training: trees of the examples, a plan, our Trainer."""
        trees = [
            merge([example.token_ids for example in group], [example.start for example in group])
            for group in groups
        ]
        self._train(trees, settings, None)

    def catalogue(self, groups: Groups) -> None:
        """The same with the loss over the catalogue."""
        choices, items = choices_of(self.titles), {title: item for item, title in enumerate(self.titles)}
        trees = [
            choices.tree(
                [example.token_ids[: example.start] for example in group],
                [items[tuple(example.token_ids[example.start :])] for example in group],
            )
            for group in groups
        ]
        self._train(trees, SETTINGS.model_copy(update={"loss": "catalogue"}), choices)

    def _train(self, trees: list[Tree], settings: TrainSettings, choices: Choices | None) -> None:
        plan = Plan(trees, batch_size=settings.batch_size, loss=settings.loss, seed=settings.seed)
        arguments = training_arguments(settings, plan, self.folder, CPU)
        loss = partial(completion_loss, chunk=chunk_of(self.tuned.model), choices=choices)
        TargetTrainer(self.tuned, plan, loss, arguments).train()

    def padded(self, groups: Groups) -> None:
        """Trainer of transformers."""
        hf_train(self.tuned.model, self.tokenizer, list(chain(*groups)), SETTINGS, self.folder)

    def grouped(self, groups: Groups) -> None:
        """Trainer of transformers with batches of like length."""
        hf_train(self.tuned.model, self.tokenizer, list(chain(*groups)), SETTINGS, self.folder, grouped=True)

    def trl(self, groups: Groups) -> None:
        """TRL's SFTTrainer."""
        trl_train(self.tuned.model, self.tokenizer, list(chain(*groups)), SETTINGS, self.folder)


def adapted_model(vocabulary: int = 0, tuning: LoraSettings | None = None) -> Tuned:
    """The embedded model under a fresh adapter; with `vocabulary` one of its sizes, random, that has so many
    tokens."""
    set_seed(SETTINGS.seed)
    if vocabulary:
        config = AutoConfig.from_pretrained(str(EMBEDDED))
        config.vocab_size = vocabulary
        base = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    else:
        base = load_base(EMBEDDED, CPU, torch.float32)
    return attach(base, tuning or LoraSettings())


def timed(train: Callable[[Groups], None], groups: Groups, enough: float) -> list[float]:
    """Seconds of each of up to five rounds, until `enough` are spent."""
    seconds: list[float] = []
    while len(seconds) < ROUNDS and sum(seconds) < enough:
        start = time.perf_counter()
        train(groups)
        seconds.append(time.perf_counter() - start)
    return seconds


def main(arguments: Sequence[str]) -> None:
    """Load, say so, train, answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("peer", choices=("ours", "catalogue", "padded", "grouped", "trl"))
    parser.add_argument("--template", default="list")
    parser.add_argument("--users", type=int, default=3)
    parser.add_argument("--targets", type=int, default=0, help="no more than so many; 0: all")
    parser.add_argument("--single", action="store_true", help="one target of each user")
    parser.add_argument("--vocabulary", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20, help="rounds are repeated until then")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    films = read_films(options.movielens)
    task = film_task(films, EMBEDDED, options.template)
    groups = (single_targets if options.single else target_groups)(task, films, options.users)
    if options.targets:
        groups = first(groups, options.targets)
    examples = list(chain(*groups))
    longest = max(len(example.token_ids) for example in examples)
    if longest > 1024:
        raise ValueError(f"{longest} tokens: SFTTrainer would cut them at 1,024.")
    titles = [tuple(title) for title in task.catalogue]
    tokenizer = AutoTokenizer.from_pretrained(str(EMBEDDED))
    with TemporaryDirectory() as place:
        bench = Bench(adapted_model(options.vocabulary), tokenizer, Path(place), titles)
        train = getattr(bench, options.peer)
        ready()
        train(first(groups, WARM_UP))
        seconds = timed(train, groups, options.seconds)
    tokens = sum(len(example.token_ids) for example in examples)
    answer({"seconds": seconds, "targets": len(examples), "tokens": tokens, "longest": longest})


if __name__ == "__main__":
    main(sys.argv[1:])
