"""Top-k and ranks from scores."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptrec_tui.errors import UserError


@dataclass(frozen=True)
class Place:
    """The rank of a title, and the best and worst rank within the numerical noise of the scores."""

    rank: float
    best: float
    worst: float


def top_of(scores: Tensor, k: int) -> list[tuple[int, float]]:
    """The `k` best (index, score) of `scores` [N], best first, ties by index; -inf is never among them."""
    values, indices = torch.sort(scores.cpu(), descending=True, stable=True)
    best = zip(indices[:k].tolist(), values[:k].tolist(), strict=True)
    return [(index, value) for index, value in best if value > -math.inf]


def rank_in(scores: Tensor, target: int, cap: int | None = None) -> float:
    """`1 + better + equal/2` of `target` among `scores` [N].

    A rank beyond `cap` is inf; a NaN anywhere makes it NaN, because the order is unknown then.
    """
    if bool(scores.isnan().any()):
        return math.nan
    own = scores[target]
    equal = int((scores == own).sum()) - 1
    return rank_among(int((scores > own).sum()), equal, cap)


def place_in(
    scores: Tensor, target: int, same: NDArray[np.bool_], margin: float = 0.0, cap: int | None = None
) -> Place:
    """The rank of `target` among `scores` [N], and its bounds if scores may be off by `margin` together.

    `same` [N]: the items with the target's own tokens, itself too. They stay ties whatever the margin.
    """
    rank = rank_in(scores, target, cap)
    away = (scores - scores[target]).masked_fill(torch.from_numpy(same), -math.inf)
    ahead = int(((away > 0) & (away <= margin)).sum())
    behind = int(((away <= 0) & (away >= -margin)).sum())
    return place_of(rank, ahead, behind, int((away == 0).sum()), margin)


def place_of(rank: float, ahead: int, behind: int, equal: int, margin: float) -> Place:
    """The place of a title with so many others `ahead` of it, or `behind`, by no more than the margin.

    `equal`: those of the latter that have its very score. By rank half of them stand before it; in the best
    case none does, in the worst all do. Without a margin the rank is certain.
    """
    if not margin:
        return Place(rank, rank, rank)
    return Place(rank, rank - ahead - equal / 2, rank + behind - equal / 2)


def rank_among(better: int, equal: int, cap: int | None) -> float:
    """The rank behind so many `better` ones, with so many others that are `equal`; inf beyond `cap`."""
    rank = 1 + better + equal / 2
    return math.inf if cap is not None and rank > cap else rank


class NotANumberError(UserError):
    """The model answers NaN, so that no title is better than another."""

    def __init__(self) -> None:
        super().__init__(
            "The model's answers are not numbers (NaN), so nothing can be recommended: its weights are "
            "damaged, or training has lost them. Use an earlier checkpoint."
        )
