"""Probabilities of items: their temperature, test cases answered by them, and ranks under the other score."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from promptrec_tui.evaluation.calibration import answered, fit_temperature, log_probabilities
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.backbone import free_bytes
from promptrec_tui.tokentree.questions import place_among
from promptrec_tui.tokentree.ranker import Ranker, Score
from promptrec_tui.tokentree.sizes import quick
from promptrec_tui.tuning.ranking import Case, rank_users, scored_users

Progress = Callable[[int, int], None]


def has_probabilities(ranker: Ranker) -> bool:
    """Whether scores are log probabilities of the catalogue, and all of them come within a few seconds."""
    nodes = ranker.trie.inner
    return ranker.score == "catalogue" and quick(ranker.shape, free_bytes(ranker.device), nodes)


def ranks_under_other_score(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    exclude_seen: bool,
    k: int,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> tuple[Score, Predictions]:
    """The other score of "sum" and "catalogue", and the ranks up to `k` under it, inf beyond.

    Errors as in `rank_users`.
    """
    other: Score = "sum" if ranker.score == "catalogue" else "catalogue"
    unlike = Ranker(ranker.model, task.catalogue, other)
    unlike.tick = ranker.tick
    places = rank_users(unlike, task, cases, exclude_seen, progress, cancelled, cap=k)
    return other, ranked(tuple(case.user for case in cases), [place.rank for place in places])


def chances(
    ranker: Ranker, prompt: Sequence[int], ranked: Sequence[tuple[int, float]], temperature: float = 1.0
) -> list[float | None]:
    """P of each of the `ranked` (item, score) after a prompt; None where scores are no probabilities.

    At a temperature other than 1 the scores of all items are needed.
    """
    if ranker.score != "catalogue":
        return [None] * len(ranked)
    if temperature == 1:
        return [_share(score) for _, score in ranked]
    scores = ranker.scores(prompt).numpy().astype(np.float64)
    logs = log_probabilities(scores, ranker.copies, temperature)
    return [_share(logs[item]) for item, _ in ranked]


def _share(logprob: float) -> float | None:
    return math.exp(logprob) if math.isfinite(logprob) else None


def temperature_of(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    progress: Progress,
    cancelled: Callable[[], bool],
) -> float:
    """The temperature that makes the targets of `cases` most likely. Errors as in `rank_users`."""
    scored = [
        (scores.numpy().astype(np.float64), case.target)
        for case, scores in scored_users(ranker, task, cases, progress, cancelled)
    ]
    return fit_temperature(scored, ranker.copies)


def answer_users(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    exclude_seen: bool,
    progress: Progress,
    cancelled: Callable[[], bool],
    temperature: float,
    margin: float,
) -> Predictions:
    """The rank of each case's target as `rank_users` has it, and the probabilities behind it.

    Columns: `rank`, with a `margin` also `best` and `worst`; `label`, `target`, `confidence`, `logprob` and
    `entropy` at the `temperature`; `raw_confidence` and `raw_logprob` at temperature 1. Seen items share in
    the probabilities but are no answers.
    """
    rows: dict[str, list[float]] = {}
    for case, scores in scored_users(ranker, task, cases, progress, cancelled):
        exclude = case.excluded(exclude_seen)
        allowed = scores.clone()
        allowed[torch.as_tensor(exclude, dtype=torch.long)] = -torch.inf
        twins = torch.from_numpy(ranker.places == ranker.places[case.target])
        place = place_among(allowed, case.target, twins, None, margin)
        values = scores.numpy().astype(np.float64)
        raw, fitted = (
            answered(log_probabilities(values, ranker.copies, each), ranker.copies, case.target, exclude)
            for each in (1.0, temperature)
        )
        row = {
            "rank": place.rank,
            **({"best": place.best, "worst": place.worst} if margin else {}),
            "label": fitted.best,
            "target": case.target,
            "confidence": fitted.confidence,
            "logprob": fitted.logprob,
            "entropy": fitted.entropy,
            "raw_confidence": raw.confidence,
            "raw_logprob": raw.logprob,
        }
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    keys = tuple(case.user for case in cases)
    return Predictions(keys, keys, {name: np.array(column) for name, column in rows.items()})
