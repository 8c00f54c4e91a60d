"""Speed and exactness of the score over the catalogue, compared with naive forwards and beam search.

    python benchmarks/catalogue_score.py [MODEL_FOLDER] [--users N] [--naive N] [--titles N] [--template NAME]
                                         [--threads T] [--publish]

MODEL_FOLDER: a causal model, untuned or of `warm_model.py`; the embedded one if none is given. The catalogue
is all titles of ml-latest-small, or N at random; prompts hold 250 ± 50 tokens; seen titles are no answers.
Brute force is plain batches behind the cached prompt, with the logits of all tokens masked to what the titles
allow. Peers take turns user by user in one process. With --publish it writes a section of
RESULTS.md.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import torch
from movielens import MOVIELENS, Question, film_task, questions, read_films, spread
from peers import Children, Title, beams, children_of, naive_scores
from results import publish, section, table, verdict
from torch import Tensor

from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.models.loading import load_base
from promptrec_tui.tokentree.backbone import evaluating, logits_of
from promptrec_tui.tokentree.batched import batches
from promptrec_tui.tokentree.places import top_of
from promptrec_tui.tokentree.ranker import Ranker

K = 10
CLOSE = 1e-4
"""Nats by which two computations of a score may differ: closer titles may change places."""
SAMPLE = 256
"""Titles that naive forwards score; their time is scaled to all."""
NAIVE_BATCH = 8
BATCH = 64

Answer = TypeVar("Answer")
Record = dict[str, Any]


def timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds of a call, and its result."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def brute_force(model: Any, prompt: Sequence[int], titles: Sequence[Title], allowed: Children) -> Tensor:
    """The score over the catalogue of each title: fp32 [M]. `allowed`: the tokens after each beginning."""
    with evaluating(model):
        first, rest = batches(model, prompt, titles, BATCH, lambda: None)
        scores = torch.zeros(len(titles))
        logits = logits_of(model, first)[0]
        start = logits[allowed[()]].logsumexp(0)
        for index, title in enumerate(titles):
            scores[index] = logits[title[0]] - start
        for hidden, batch in rest:
            for row, index in enumerate(batch):
                title = titles[index]
                for place, logits in enumerate(logits_of(model, hidden[row, : len(title) - 1]), 1):
                    among = allowed[title[:place]]
                    scores[index] += logits[title[place]] - logits[among].logsumexp(0)
    return scores


def same_order(ours: Sequence[int], truth: Tensor) -> bool:
    """Whether ours are the best items of the true scores [N], in order but for differences below CLOSE."""
    best = top_of(truth, len(ours))
    return len(ours) == len(best) and all(
        abs(float(truth[item]) - score) < CLOSE for item, (_, score) in zip(ours, best, strict=True)
    )


class Bench:
    """A model, its ranker and the constraints of the peers."""

    def __init__(self, model: Any, catalogue: Sequence[Title]) -> None:
        self.model, self.catalogue = model, catalogue
        self.ranker = Ranker(model, catalogue, "catalogue")
        self.titles = sorted(set(catalogue))
        self.allowed = children_of(self.ranker.trie.titles)
        self.sample = random.Random(1).sample(self.titles, min(SAMPLE, len(self.titles)))

    def user(self, question: Question) -> Record:
        """Our answers, and whether they are those of brute force."""
        ranker, prompt, seen, target = self.ranker, question.prompt, question.seen, question.target
        nodes = ranker.nodes_read
        searching, top = timed(lambda: ranker.top_k(prompt, K, seen))
        nodes = ranker.nodes_read - nodes
        scoring, scores = timed(lambda: ranker.scores(prompt))
        ranking, rank = timed(lambda: ranker.rank_of(prompt, target, seen))
        capped, _ = timed(lambda: ranker.rank_of(prompt, target, seen, K))
        distinct = brute_force(self.model, prompt, ranker.trie.titles, self.allowed)
        truth = distinct[torch.from_numpy(ranker.places).long()]
        left = truth.clone()
        left[list(seen)] = -torch.inf
        own = left[target]
        low, high = 1 + int((left > own + CLOSE).sum()), int((left >= own - CLOSE).sum())
        return {
            "top": searching,
            "nodes": nodes,
            "scores": scoring,
            "rank": ranking,
            "capped": capped,
            "difference": float((scores - truth).abs().max()),
            "same": low <= rank <= high and same_order([item for item, _ in top], left),
        }

    def peers(self, question: Question) -> Record:
        """Naive forwards over a sample of the titles, scaled to all, and beams."""
        model, prompt = self.model, question.prompt
        seconds, _ = timed(lambda: naive_scores(model, prompt, self.sample, NAIVE_BATCH))
        gone = {self.catalogue[item] for item in question.seen}
        left = children_of([title for title in self.titles if title not in gone])
        end, longest = self.titles[0][-1], max(map(len, self.titles))
        beaming, _ = timed(lambda: beams(model, prompt, left, end, longest, K))
        return {"naive": seconds * len(self.titles) / len(self.sample), "beams": beaming}


def lines(records: Sequence[Record], ranker: Ranker, parameters: int) -> list[str]:
    """The table and the facts below it."""

    def middle(name: str) -> float:
        return float(median(record[name] for record in records if name in record))

    tops = [record["top"] for record in records]
    alike = sum(record["same"] for record in records)
    compared = [record for record in records if "naive" in record]
    nodes, differences = ([record[name] for record in records] for name in ("nodes", "difference"))
    inner = ranker.trie.inner
    figures = [
        _goal("all scores against naive forwards", compared, "naive", "scores", 150),
        _goal("exact top-10 against naive forwards", compared, "naive", "top", 2500),
        _goal("exact top-10 against HF generate, 10 beams", compared, "beams", "top", 6),
        [
            "users whose top-10 and rank are those of brute force",
            "all",
            verdict(f"{alike} of {len(records)}", alike == len(records)),
        ],
        ["largest difference from brute force", "–", f"{max(differences):.1e} nats"],
        ["exact top-10, seconds", "–", f"median {median(tops):.3f}, worst {max(tops):.3f}"],
        ["nodes that it reads", "–", f"median {median(nodes):.0f}, most {max(nodes):.0f} of {inner:,}"],
        ["all scores, seconds", "–", f"{middle('scores'):.3f}"],
        ["exact rank, seconds", "–", f"{middle('rank'):.3f}; up to 10: {middle('capped'):.3f}"],
    ]
    if compared:
        figures += [
            ["naive forwards over all titles (a sample, scaled), seconds", "–", f"{middle('naive'):.1f}"],
            ["HF generate, 10 beams, seconds", "–", f"{middle('beams'):.3f}"],
        ]
    return [
        *table(["figure", "goal", "measured"], figures),
        "",
        f"{parameters:,} weights, {len(ranker.trie.titles):,} distinct titles, {len(records)} users: medians",
    ]


def _goal(name: str, records: Sequence[Record], peer: str, ours: str, least: int) -> list[str]:
    """The row of a ratio with its goal."""
    if not records:
        return [name, f"at least {least:,} times", "not measured"]
    times = median(record[peer] / record[ours] for record in records)
    return [name, f"at least {least:,} times", verdict(f"{times:,.0f} times", times >= least)]


def _among(question: Question, places: Mapping[int, int]) -> Question:
    """The question in a catalogue of some items only, `places` says where each of them is."""
    target = places.get(question.target, question.target % len(places))
    seen = {places[item] for item in question.seen if item in places} - {target}
    return replace(question, target=target, seen=tuple(sorted(seen)))


def main(arguments: Sequence[str]) -> None:
    """Measure one model and print or publish its section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=EMBEDDED)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--naive", type=int, default=10, help="users of the naive forwards and the beams")
    parser.add_argument("--titles", type=int, default=0)
    parser.add_argument("--template", default="list")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    films = read_films(options.movielens)
    task = film_task(films, options.model, options.template)
    items = list(range(len(task.catalogue)))
    if options.titles:
        items = sorted(random.Random(1).sample(items, options.titles))
    place = {item: index for index, item in enumerate(items)}
    asked = [
        _among(question, place)
        for question in spread([each for each in questions(task, films) if each.usual], options.users)
    ]
    model = load_base(options.model, torch.device("cpu"), torch.float32)
    catalogue = [task.catalogue[item] for item in items]
    bench = Bench(model, catalogue)
    bench.ranker.top_k(asked[0].prompt, K)
    records = []
    for index, question in enumerate(asked):
        record = bench.user(question)
        if index < options.naive:
            record |= bench.peers(question)
        records.append(record)
        print(f"user {index + 1} of {len(asked)}: top-10 {record['top']:.3f} s", file=sys.stderr, flush=True)
    title = f"Score over the catalogue: {options.model.name}"
    parameters = sum(weight.numel() for weight in model.parameters())
    text = section(title, options.threads, lines(records, bench.ranker, parameters))
    print(text)
    if options.publish:
        publish(title, text)


if __name__ == "__main__":
    main(sys.argv[1:])
