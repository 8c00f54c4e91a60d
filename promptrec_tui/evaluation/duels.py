"""Two models on the same cases, case by case: who is better how often, and by how much."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.evaluation.predictions import Predictions, Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """In how many cases a model is better than another one, as good, and worse."""

    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class CaseGain:
    """One case as two models answer it.

    `ours` and `theirs` are the ranks of the target, or the probabilities of the true label; None for a NaN.
    `gain` is the difference of what they are worth: 1 / log2(1 + rank), or the probability.
    """

    key: str
    ours: float | None
    theirs: float | None
    gain: float


def tally(ours: Predictions, theirs: Predictions) -> Tally:
    """Cases in which `ours` ranks the target higher, or alone is right about the label.

    A NaN is worse than any rank. Raises ValueError when the two are not about the same cases.
    """
    _same_cases(ours, theirs)
    difference = _standing(ours.rows) - _standing(theirs.rows)
    return Tally(int((difference > 0).sum()), int((difference == 0).sum()), int((difference < 0).sum()))


def gains(ours: Predictions, theirs: Predictions) -> list[CaseGain]:
    """Every case, the one with the highest gain first, equals in the order of the predictions.

    From rank 14 to 3 is more than from 1,400 to 300: a list is read from its top. Raises ValueError when the
    two are not about the same cases.
    """
    _same_cases(ours, theirs)
    pairs = zip(_answers(ours.rows).tolist(), _answers(theirs.rows).tolist(), strict=True)
    worth = (_worth(ours.rows) - _worth(theirs.rows)).tolist()
    cases = [
        CaseGain(key, _or_none(our), _or_none(their), gain)
        for key, (our, their), gain in zip(ours.keys, pairs, worth, strict=True)
    ]
    return sorted(cases, key=lambda case: -case.gain)


def _same_cases(ours: Predictions, theirs: Predictions) -> None:
    if ours.keys != theirs.keys:
        raise ValueError("Models are compared on the same cases in the same order.")


def _standing(rows: Rows) -> Floats:
    """What decides who is better in a case [R]: higher is better."""
    if "rank" in rows:
        ranks = np.where(np.isnan(rows["rank"]), np.inf, rows["rank"])
        # Of two infinite ranks the difference would be NaN.
        standing: Floats = -np.minimum(ranks, np.finfo(np.float64).max)
        return standing
    return np.asarray(rows["label"] == rows["target"], dtype=np.float64)


def _answers(rows: Rows) -> Floats:
    """The rank of the target, or the probability of the true label [R]."""
    return np.asarray(rows["rank"] if "rank" in rows else np.exp(rows["logprob"]), dtype=np.float64)


def _worth(rows: Rows) -> Floats:
    answers = _answers(rows)
    worth: Floats = 1 / np.log2(1 + answers) if "rank" in rows else answers
    return np.where(np.isnan(worth), 0.0, worth)


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
