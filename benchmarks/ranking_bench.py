"""One model and all rankers that use it: the measurements of `ranking.py` for each user."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from movielens import Films, Question, film_task, questions, spread
from peers import beams, children_of, naive_scores
from store import Record
from torch import Tensor

from promptrec_tui.models.loading import load_base
from promptrec_tui.tokentree.backbone import causal_of, evaluating
from promptrec_tui.tokentree.batched import batched_scores
from promptrec_tui.tokentree.places import rank_in, top_of
from promptrec_tui.tokentree.ranker import Ranker

K = 10
CLOSE = 1e-4
"""Nats by which two computations of a sum may differ: closer titles may change places."""
BEAMS = (10, 20, 50)
NAIVE_BATCHES = (8, 16, 32, 64)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Sizes:
    """How much is measured: for how many users, and over how many titles."""

    users: int = 100
    """Users with all titles scored by brute force; the first of them are also used for more:"""
    ranked: int = 50
    searched: int = 20
    everyone: int = 671
    sample: int = 256
    """Titles that naive forwards score for the users of `searched`."""
    few: int = 1_000
    titles: int = 0
    """Items of the catalogue; 0: all."""


def timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds of a call, and its result."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


class Bench:
    """The rankers of one model, and the questions."""

    def __init__(self, folder: Path, films: Films, sizes: Sizes) -> None:
        task = film_task(films, folder)
        self.name, self.sizes = folder.name, sizes
        self.model: Any = load_base(folder, torch.device("cpu"), torch.float32)
        self.catalogue = task.catalogue[: sizes.titles or None]
        self.ranker = Ranker(self.model, self.catalogue)
        self.titles = self.ranker.trie.titles
        chance = random.Random(1)
        self.few = sorted(chance.sample(range(len(self.catalogue)), sizes.few))
        self.small = Ranker(self.model, [self.catalogue[item] for item in self.few])
        self.sample = chance.sample(self.titles, sizes.sample)
        asked = [self._within(question) for question in questions(task, films)]
        self.everyone = spread(asked, sizes.everyone)
        self.asked = spread([question for question in asked if question.usual], sizes.users)
        self._read = 0
        causal_of(self.model).base_model.register_forward_pre_hook(self._count, with_kwargs=True)

    def warm_up(self) -> int:
        """The number of titles per forward with which naive scoring is fastest."""
        question = self.asked[0]
        self.ranker.top_k(question.prompt, K)
        seconds = {}
        for batch in NAIVE_BATCHES:
            start = time.perf_counter()
            naive_scores(self.model, question.prompt, self.sample[: max(NAIVE_BATCHES)], batch)
            seconds[batch] = time.perf_counter() - start
        return min(seconds, key=lambda batch: seconds[batch])

    def naive(self, question: Question, batch: int) -> Record:
        """Naive forwards over all titles, and the difference of brute force from them."""
        seconds, naive = timed(lambda: naive_scores(self.model, question.prompt, self.titles, batch))
        difference = float((naive - self._brute_force(question)).abs().max())
        return {"seconds": seconds, "difference": difference}

    def user(self, index: int, question: Question, batch: int) -> Record:
        """Brute force and our search; for the first users all others as well."""
        prompt, seen = question.prompt, question.seen
        brute, by_title = timed(lambda: self._brute_force(question))
        truth = by_title[torch.from_numpy(self.ranker.places).long()]
        left = truth.clone()
        left[list(seen)] = -torch.inf
        best = [item for item, _ in top_of(left, K + 1)]
        self._read = 0
        seconds, top = timed(lambda: self.ranker.top_k(prompt, K, seen))
        record: Record = {
            "tokens": len(prompt),
            "brute": brute,
            "top": seconds,
            "nodes": self._read - len(prompt),
            "same": _same_order([item for item, _ in top], best, left),
        }
        if index < self.sizes.searched:
            record["searched"] = self._searched(question, batch, best[:K])
        if index < self.sizes.ranked:
            record["ranked"] = self._ranked(question, truth, left)
        return record

    def rank(self, question: Question) -> Record:
        """The target's rank up to 10, and the 10 best for comparison."""
        prompt, seen = question.prompt, question.seen
        rank, _ = timed(lambda: self.ranker.rank_of(prompt, question.target, seen, K))
        top, _ = timed(lambda: self.ranker.top_k(prompt, K, seen))
        return {"rank": rank, "top": top, "usual": question.usual}

    def _brute_force(self, question: Question) -> Tensor:
        """The score of every distinct title by plain batches after the cached prompt."""
        with evaluating(self.model):
            return batched_scores(self.model, question.prompt, self.titles)

    def _searched(self, question: Question, batch: int, best: Sequence[int]) -> Record:
        """Naive forwards over a sample, our search among few titles, beams. `best`: the true items."""
        prompt = question.prompt
        naive, _ = timed(lambda: naive_scores(self.model, prompt, self.sample, batch))
        seen = [place for place, item in enumerate(self.few) if item in question.seen]
        small, _ = timed(lambda: self.small.top_k(prompt, K, seen))
        left = set(range(len(self.catalogue))) - set(question.seen)
        allowed = children_of(list({self.catalogue[item] for item in left}))
        true = {self.catalogue[item] for item in best}
        end, longest = self.titles[0][-1], self.ranker.longest
        answers: dict[str, list[float]] = {}
        for count in BEAMS:
            start = time.perf_counter()
            titles = beams(self.model, prompt, allowed, end, longest, count)
            answers[str(count)] = [time.perf_counter() - start, len(true & set(titles[:K]))]
        return {"naive": naive * len(self.titles) / len(self.sample), "small": small, "beams": answers}

    def _ranked(self, question: Question, truth: Tensor, left: Tensor) -> Record:
        """All scores; the target's rank without a cap, and with one. `left`: `truth` without the seen."""
        prompt, target, seen = question.prompt, question.target, question.seen
        scoring, scores = timed(lambda: self.ranker.scores(prompt))
        ranking, rank = timed(lambda: self.ranker.rank_of(prompt, target, seen))
        capped = self.ranker.rank_of(prompt, target, seen, K)
        own, true = left[target], rank_in(left, target)
        low, high = 1 + int((left > own + CLOSE).sum()), int((left >= own - CLOSE).sum())
        return {
            "scores": scoring,
            "difference": float((scores - truth).abs().max()),
            "rank": ranking,
            "same": _same_rank(rank, true, low, high, math.inf),
            "same_capped": _same_rank(capped, true, low, high, K),
        }

    def _within(self, question: Question) -> Question:
        """The question in a catalogue that was cut, as a quick run's is."""
        size = len(self.catalogue)
        target = question.target % size
        seen = tuple(item for item in question.seen if item < size and item != target)
        return replace(question, target=target, seen=seen)

    def _count(self, _module: Any, _arguments: Any, options: dict[str, Any]) -> None:
        """Count the tokens that the model reads."""
        self._read += options["input_ids"].numel()


def _same_order(ours: Sequence[int], brute: Sequence[int], scores: Tensor) -> str:
    """Whether ours are the first of `brute`, which has one more: "same", "different", or "tied" where
    neighbours closer than CLOSE have changed places."""
    if list(ours) == list(brute[: len(ours)]):
        return "same"
    place = {item: index for index, item in enumerate(brute)}
    for index, item in enumerate(ours):
        apart = abs(place.get(item, -K) - index)
        if apart > 1 or abs(float(scores[item] - scores[brute[index]])) >= CLOSE:
            return "different"
    return "tied"


def _same_rank(rank: float, true: float, low: int, high: int, cap: float) -> str:
    """The same of a rank, which titles closer than CLOSE could move to `low` or `high`."""
    if rank == (true if true <= cap else math.inf):
        return "same"
    tied = high > cap if rank == math.inf else low <= rank <= high
    return "tied" if tied else "different"
