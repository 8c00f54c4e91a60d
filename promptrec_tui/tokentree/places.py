"""Top-k and ranks from scores."""

import math
from dataclasses import dataclass

import torch
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
