"""A blend's search against the plain one, and both against brute force over all titles.

    python benchmarks/blend.py [--movielens FOLDER] [--users N] [--threads N] [--publish]

Users of MovieLens are asked with the untuned embedded model, scored over the catalogue: the best ten films
and the rank of the last event, by the model alone and with markov and item_knn as evidence, which are fitted
on what came before. Each pair of a user and random weights is compared with the order of all scores.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from movielens import MOVIELENS, film_task, questions, read_films
from results import publish, section, table, verdict

from promptrec_tui.evaluation.baselines import fit_baseline
from promptrec_tui.evaluation.features import scorer_feature
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.models.loading import load_base
from promptrec_tui.tokentree.evidence import Evidence
from promptrec_tui.tokentree.places import rank_in
from promptrec_tui.tokentree.ranker import Ranker

T = TypeVar("T")

GOAL = 1.5
"""Times that the search with evidence may take of the plain one."""
NOISE = 2e-4
"""Nats: scores nearer than that have no order, whichever way they are summed."""


@dataclass
class Taken:
    """Seconds and nodes of each question of a kind."""

    seconds: list[float] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)

    def ask(self, ranker: Ranker, question: Callable[[], T]) -> T:
        """The answer, whose time and nodes are noted."""
        read, begun = ranker.nodes_read, time.perf_counter()
        answer = question()
        self.seconds.append(time.perf_counter() - begun)
        self.nodes.append(ranker.nodes_read - read)
        return answer

    def row(self, name: str) -> list[str]:
        times = np.array(self.seconds)
        return [name, f"{np.median(times):.3f}", f"{times.max():.3f}", f"{np.median(self.nodes):,.0f}"]


def same(scores: torch.Tensor, best: list[tuple[int, float]], rank: float, target: int) -> bool:
    """Whether the best films and the rank are those of all `scores`, up to the noise of sums."""
    values = torch.tensor([value for _, value in best], dtype=scores.dtype)
    wanted = scores.sort(descending=True).values[: len(best)]
    lowest = 1 + int((scores > scores[target] + NOISE).sum())
    highest = int((scores >= scores[target] - NOISE).sum())
    right = torch.allclose(values, wanted, atol=NOISE, rtol=0) and lowest <= rank <= highest
    chosen = torch.allclose(scores[[item for item, _ in best]], values, atol=NOISE, rtol=0)
    return right and chosen and (highest > lowest or rank == rank_in(scores, target))


def main() -> None:
    """Ask all users, and print the section or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--publish", action="store_true", help="put the section into RESULTS.md")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    films = read_films(arguments.movielens)
    task = film_task(films, EMBEDDED)
    model = load_base(EMBEDDED, torch.device("cpu"), torch.float32).eval()
    ranker = Ranker(model, task.catalogue, "catalogue")
    before = [user.sequence[: user.split.test] if user.split else user.sequence for user in films.users]
    scorers = [fit_baseline(name, before, len(films.items)) for name in ("markov", "item_knn")]
    past = {user.key: user.sequence[: user.split.test] for user in films.users if user.split}
    chance, equal = np.random.default_rng(0), 0
    taken = {name: Taken() for name in ("best ten", "best ten, blend", "rank", "rank, blend")}
    asked = questions(task, films)[: arguments.users]
    for question in asked:
        weights = chance.uniform(0.1, 1.0, size=3)
        features = [scorer_feature(scorer.name, scorer.scores(past[question.user])) for scorer in scorers]
        evidence = Evidence(float(weights[0]), sum(w * f for w, f in zip(weights[1:], features, strict=True)))
        seen = list(question.seen)

        prompt, target = question.prompt, question.target
        taken["best ten"].ask(ranker, partial(ranker.top_k, prompt, 10, seen))
        taken["rank"].ask(ranker, partial(ranker.rank_of, prompt, target, seen))
        best = taken["best ten, blend"].ask(ranker, partial(ranker.top_k, prompt, 10, seen, evidence))
        blended = partial(ranker.rank_of, prompt, target, seen, evidence=evidence)
        rank = taken["rank, blend"].ask(ranker, blended)
        scores = ranker.scores(prompt).double() * evidence.weight + torch.from_numpy(evidence.bonus)
        scores[[item for item in seen if item != target]] = -np.inf
        equal += same(scores, best, rank, target)
    ratio = max(
        float(np.median(np.divide(taken[f"{name}, blend"].seconds, taken[name].seconds)))
        for name in ("best ten", "rank")
    )
    header = ("question", "median seconds", "worst", "median nodes")
    lines = [
        f"{arguments.movielens.name}: {len(asked)} users, {len(films.items):,} films, random weights of "
        "log P, markov and item_knn, the untuned embedded model.",
        "",
        *table(header, [each.row(name) for name, each in taken.items()]),
        "",
        f"- the blend's search against the plain one, median of users, the worse of both questions: "
        f"{verdict(f'{ratio:.2f} times (goal: at most {GOAL})', ratio <= GOAL)}",
        f"- best ten and rank as by brute force: {verdict(f'{equal} of {len(asked)}', equal == len(asked))}",
    ]
    text = section("Blend", arguments.threads, lines)
    if arguments.publish:
        publish("Blend", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
