"""Ranking metrics of one relevant item a user, from its rank."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def rank_with_ties(scores: ArrayLike, target: int, exclude: Sequence[int] = ()) -> float:
    """`1 + better + equal/2` of item `target` among `scores` [N] without the items `exclude`.

    That is the expected rank over random orders of the ties. The target itself always counts, even where
    `exclude` names it. A NaN among the scores makes the rank NaN, because nothing true can be said then.
    """
    values = np.asarray(scores, dtype=np.float64)
    rivals = np.ones(len(values), dtype=np.bool_)
    rivals[list(exclude)] = False
    rivals[target] = False
    others = values[rivals]
    if np.isnan(values[target]) or np.isnan(others).any():
        return float("nan")
    return float(1 + (others > values[target]).sum() + (others == values[target]).sum() / 2)


def user_metrics(ranks: ArrayLike, k: int) -> dict[str, Floats]:
    """Each user's share of each metric: arrays like `ranks` [U], by metric name.

    With one relevant item HR@k = [rank <= k], NDCG@k = [rank <= k] / log2(1 + rank) (Järvelin & Kekäläinen
    2002; the ideal gain is 1), MRR@k = [rank <= k] / rank and MRR = 1 / rank. A rank of inf (beyond a cap)
    gives 0, a NaN stays NaN.
    """
    rank = np.asarray(ranks, dtype=np.float64)
    hit = np.where(np.isnan(rank), np.nan, rank <= k)
    return {
        f"hr@{k}": hit,
        f"ndcg@{k}": hit / np.log2(1 + rank),
        f"mrr@{k}": hit / rank,
        "mrr": 1 / rank,
    }


def ranking_metrics(ranks: ArrayLike, k: int) -> dict[str, float]:
    """The mean over users of `hr@k ndcg@k mrr@k mrr`; NaN for no users, or where a rank is NaN."""
    return {
        name: float(values.mean()) if values.size else float("nan")
        for name, values in user_metrics(ranks, k).items()
    }
