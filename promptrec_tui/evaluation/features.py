"""Features of items for a blend: what each scorer says of them, and numbers of the items themselves."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOOR = 0.05
"""The share of a scorer's probability that all items have alike, so that none is impossible."""
LOGITS = ("sasrec",)
"""Scorers whose scores are logits; those of the others count from 0 on."""
KNOWN = 0.9
"""A column of items is a number when so many of them have one; the others get the mean."""


def scorer_feature(name: str, scores: Floats) -> Floats:
    """log of each item's share of a scorer's positive scores, mixed with an even share: [N].

    So the scores of unlike scorers mean the same, a scorer that has little to say says little, and items
    that it does not know are alike.
    """
    shares = np.exp(scores - scores.max()) if name in LOGITS else np.maximum(scores, 0.0)
    total = shares.sum()
    even = 1 / len(scores)
    shares = shares / total if total > 0 else np.full(len(scores), even)
    feature: Floats = np.log((1 - FLOOR) * shares + FLOOR * even)
    return feature


def numeric_columns(items: Sequence[Mapping[str, str]]) -> dict[str, Floats]:
    """The columns of items [N] that are numbers, standardised, by name; a number that is missing is 0.

    A column that is the same for all items is left out.
    """
    columns = {}
    for name in sorted({name for item in items for name in item}):
        values = np.array([_number(item.get(name, "")) for item in items])
        known = np.isfinite(values)
        if known.mean() >= KNOWN and (spread := values[known].std()) > 0:
            columns[name] = np.where(known, (values - values[known].mean()) / spread, 0.0)
    return columns


def top_items(features: Iterable[Floats], n: int, exclude: Sequence[int]) -> NDArray[np.int64]:
    """The union of the `n` best items by each feature [N], without `exclude`, in the order of their ids."""
    best: set[int] = set()
    for feature in features:
        kept = feature.copy()
        kept[list(exclude)] = -np.inf
        best.update(np.argpartition(-kept, min(n, len(kept)) - 1)[:n].tolist())
    return np.array(sorted(best - set(exclude)), np.int64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
