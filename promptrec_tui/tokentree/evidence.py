"""Evidence beside the model: what each item of a catalogue gains on top of its weighted log P."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.tokentree.tree import Ids
from promptrec_tui.tokentree.trie import Trie

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """An item's score becomes `weight` · log P of its title + its `bonus` [N], one for each item.

    With a weight of 0 the model is not asked. Raises ValueError for a weight below 0, under which a longer
    beginning could be better than a shorter one, and for numbers that are not finite.
    """

    weight: float
    bonus: Floats

    def __post_init__(self) -> None:
        if not 0 <= self.weight < np.inf:
            raise ValueError(f"The weight of the model must be at least 0 and finite, not {self.weight}.")
        if not np.isfinite(self.bonus).all():
            raise ValueError("The bonus of each item must be a finite number.")

    def weigh(self, logs: Callable[[], NDArray[np.float32]]) -> Floats:
        """The scores of all items [N]; `logs()` gives those by the model alone [N], if it has a weight."""
        if not self.weight:
            return self.bonus.copy()
        return self.weight * logs().astype(np.float64) + self.bonus


@dataclass(frozen=True, eq=False)
class Entries:
    """The E items that a question ranks under its evidence, those of one title together, titles in order.

    Items whose titles have equal tokens share log P, but each has its own bonus.
    """

    weight: float
    items: Ids  # [E], indices in the catalogue
    titles: Ids  # [E], the trie's title of each
    bonus: Floats  # [E]
    edges: NDArray[np.int64]  # [M + 1], the first entry of each title
    peaks: Floats  # [N nodes], the largest bonus below each node, -inf where no entry is

    def scored(self, titles: Ids, logs: Floats) -> tuple[Ids, Floats]:
        """The entries of some `titles` whose scores by the model alone are `logs`, and their scores."""
        sizes = self.edges[titles + 1] - self.edges[titles]
        shifts = np.repeat(self.edges[titles] - np.append(0, np.cumsum(sizes))[:-1], sizes)
        entries = (shifts + np.arange(int(sizes.sum()))).astype(np.int32)
        return entries, np.repeat(self.weight * logs, sizes) + self.bonus[entries]

    def entry(self, item: int) -> int:
        """The place of an item that is among them."""
        return int(np.flatnonzero(self.items == item)[0])


def entries_of(trie: Trie, places: Ids, evidence: Evidence, exclude: Sequence[int]) -> Entries:
    """The items without `exclude` as entries; `places` [N]: the trie's title of each item.

    Raises ValueError when the evidence is about another number of items.
    """
    if len(evidence.bonus) != len(places):
        raise ValueError(f"The evidence is about {len(evidence.bonus)} items, not {len(places)}.")
    kept = np.ones(len(places), np.bool_)
    kept[list(exclude)] = False
    items = np.flatnonzero(kept).astype(np.int32)
    items = items[np.argsort(places[items], kind="stable")]
    titles, bonus = places[items], evidence.bonus[items].astype(np.float64)
    edges = np.zeros(len(trie.titles) + 1, np.int64)
    np.cumsum(np.bincount(titles, minlength=len(trie.titles)), out=edges[1:])
    best = np.full(len(trie.titles), -np.inf)
    np.maximum.at(best, titles, bonus)
    return Entries(evidence.weight, items, titles, bonus, edges, trie.maxima(best))
