"""What is asked of a catalogue, as the aim of a search in its trie, and what a search says of the items."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptrec_tui.tokentree.evidence import Evidence, entries_of
from promptrec_tui.tokentree.places import Place, rank_among, rank_in
from promptrec_tui.tokentree.search import Aim, Search
from promptrec_tui.tokentree.tree import Ids
from promptrec_tui.tokentree.trie import Trie


def aim_at(
    trie: Trie,
    places: Ids,
    exclude: Sequence[int],
    evidence: Evidence | None,
    target: int = -1,
    **asked: Any,
) -> Aim:
    """The aim of a question about the items without `exclude`; `places` [N]: the trie's title of each item.

    `target`: one of them, if its rank is wanted; `asked`: the other fields of the aim.
    """
    kept = np.ones(len(places), np.bool_)
    kept[list(exclude)] = False
    counts = np.bincount(places[kept], minlength=len(trie.titles)).astype(np.int32)
    title = -1 if target < 0 else int(places[target])
    if evidence is None:
        return Aim(counts, target=title, **asked)
    entries = entries_of(trie, places, evidence, exclude)
    own = -1 if target < 0 else entries.entry(target)
    return Aim(counts, target=title, entries=entries, own=own, **asked)


def scores_in(search: Search, places: Ids, exclude: Sequence[int]) -> Tensor:
    """The score of each item that a search came to, -inf for the others and for `exclude`: [N]."""
    best: NDArray[np.floating[Any]]
    if (entries := search.aim.entries) is not None:
        best = np.full(len(places), -np.inf)
        best[entries.items[search.titles]] = search.scores
        return torch.from_numpy(best)
    of_titles = np.full(len(search.trie.titles), -np.inf, np.float32)
    of_titles[search.titles] = search.scores
    best = of_titles[places]
    best[list(exclude)] = -np.inf
    return torch.from_numpy(best)


def place_in_search(search: Search, cap: int | None) -> Place:
    """The place of the target of a search that has ended."""
    if search.broken:
        return Place(math.nan, math.nan, math.nan)
    aim = search.aim
    better, ties = search.better_and_equal()
    rank = rank_among(better, ties - 1, cap)
    return _place(rank, *search.doubtful(), ties - int(aim.counts[aim.target])) if aim.margin else _sure(rank)


def place_among(scores: Tensor, target: int, twins: Tensor, cap: int | None, margin: float) -> Place:
    """The place of item `target` among all `scores` [N]; `twins` [N]: whether titles have the same tokens."""
    rank = rank_in(scores, target, cap)
    if not margin:
        return _sure(rank)
    away = (scores - scores[target]).masked_fill(twins, -math.inf)
    ahead = int(((away > 0) & (away <= margin)).sum())
    behind = int(((away <= 0) & (away >= -margin)).sum())
    return _place(rank, ahead, behind, int((away == 0).sum()))


def _sure(rank: float) -> Place:
    return Place(rank, rank, rank)


def _place(rank: float, ahead: int, behind: int, equal: int) -> Place:
    """By rank those of equal scores stand half before the target: in the best case none, or all."""
    return Place(rank, rank - ahead - equal / 2, rank + behind - equal / 2)
