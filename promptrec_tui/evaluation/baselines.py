"""Simple recommenders that a tuned model has to beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from promptrec_tui.errors import UserError

Floats = NDArray[np.float64]
Sequences = Sequence[Sequence[int]]
Progress = Callable[[int, int], None]
Matrix = Any  # scipy.sparse has no types

NEIGHBOURS = 100
BLOCK = 1000
DECAY = 0.8
"""How much less each earlier event of a history weighs for item-kNN; fixed, not fitted."""


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: `scores(history)` gives every item's score [N] after a history of item ids."""

    name: str
    scores: Callable[[Sequence[int]], Floats]


def fit_baseline(
    name: str,
    sequences: Sequences,
    n_items: int,
    progress: Progress = lambda done, of: None,
) -> Baseline:
    """Fit popularity, markov or item_knn on `sequences` (one list of item ids a user), and on nothing else.

    The caller gives only events before the targets to be judged. item_knn, which takes minutes for many
    events, calls `progress(done, items)`. Raises UserError for an unknown name.
    """
    fits: dict[str, Callable[[Sequences, int], Callable[[Sequence[int]], Floats]]]
    fits = {"popularity": _popularity, "markov": _markov, "item_knn": partial(_item_knn, progress=progress)}
    if name not in fits:
        raise UserError(f'There is no baseline "{name}": choose among {", ".join(fits)}.')
    return Baseline(name, fits[name](sequences, n_items))


def _events(sequences: Sequences, n_items: int) -> Floats:
    """Events of each item [N]."""
    items = np.fromiter((item for sequence in sequences for item in sequence), dtype=np.int64)
    counts: Floats = np.bincount(items, minlength=n_items).astype(np.float64)
    return counts


def _shares(sequences: Sequences, n_items: int) -> Floats:
    """Each item's share of the events [N], below 1 so that it orders equals and never outweighs a count."""
    events = _events(sequences, n_items)
    shares: Floats = events / (events.sum() + 1)
    return shares


def _popularity(sequences: Sequences, n_items: int) -> Callable[[Sequence[int]], Floats]:
    """Score = events of the item, independent of the history."""
    events = _events(sequences, n_items)
    return lambda history: events.copy()


def _markov(sequences: Sequences, n_items: int) -> Callable[[Sequence[int]], Floats]:
    """Score = times the item came right after the last one; popularity orders the rest."""
    shares = _shares(sequences, n_items)
    pairs = np.array([pair for sequence in sequences for pair in pairwise(sequence)], np.int64).reshape(-1, 2)
    ones = np.ones(len(pairs))
    counts: Matrix = sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n_items, n_items))
    counts.sum_duplicates()

    def scores(history: Sequence[int]) -> Floats:
        result = shares.copy()
        if history:
            start, stop = counts.indptr[history[-1]], counts.indptr[history[-1] + 1]
            result[counts.indices[start:stop]] += counts.data[start:stop]
        return result

    return scores


def _item_knn(sequences: Sequences, n_items: int, progress: Progress) -> Callable[[Sequence[int]], Floats]:
    """Score = sum over the history's items of their cosine to the item, weighed by how recent they are.

    Item-based top-N of Deshpande & Karypis (2004) on "did the user ever take it", among each item's 100
    nearest; the last item weighs 1, each one before it `DECAY` times the next. Popularity orders the rest.
    """
    shares = _shares(sequences, n_items) * 1e-9
    similar = _neighbours(sequences, n_items, progress)

    def scores(history: Sequence[int]) -> Floats:
        # An item that comes back weighs as its last time does.
        last = {item: place for place, item in enumerate(history)}
        items = np.fromiter(last, dtype=np.int64, count=len(last))
        ages = len(history) - 1 - np.fromiter(last.values(), dtype=np.int64, count=len(last))
        near = similar[items]
        weights = near.data * np.repeat(DECAY**ages, np.diff(near.indptr))
        return shares + np.bincount(near.indices, weights=weights, minlength=n_items)

    return scores


def _neighbours(sequences: Sequences, n_items: int, progress: Progress) -> Matrix:
    """Cosine between items over the users who took them, the nearest ones of each row: sparse [N, N]."""
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    items = np.fromiter((item for sequence in sequences for item in sequence), dtype=np.int64)
    taken: Matrix = sparse.csr_array((np.ones(len(items)), (users, items)), shape=(len(sequences), n_items))
    taken.sum_duplicates()
    taken.data[:] = 1.0
    lengths = np.sqrt(np.bincount(taken.indices, minlength=n_items))
    taken.data /= lengths[taken.indices]
    columns = taken.tocsc()
    # In blocks of items, because all co-occurrences at once can be far larger than the nearest ones.
    blocks = []
    for start in range(0, n_items, BLOCK):
        progress(start, n_items)
        blocks.append(_nearest((columns[:, start : start + BLOCK].T @ taken).tocsr(), start))
    return sparse.vstack(blocks, format="csr")


def _nearest(block: Matrix, first: int) -> Matrix:
    """The rows of `block` without each item itself and with its nearest items only; row 0 is item `first`."""
    kept: list[NDArray[np.int64]] = []
    for row in range(block.shape[0]):
        place = np.arange(block.indptr[row], block.indptr[row + 1])
        place = place[block.indices[place] != first + row]
        if len(place) > NEIGHBOURS:
            # Only those are sorted that can be among the nearest.
            values = block.data[place]
            place = place[values >= np.partition(values, -NEIGHBOURS)[-NEIGHBOURS]]
        # Nearest first, equals by item id: the choice must not depend on scipy's order.
        order = np.lexsort((block.indices[place], -block.data[place]))
        kept.append(place[order[:NEIGHBOURS]])
    chosen = np.concatenate(kept)
    bounds = np.concatenate(([0], np.cumsum([len(places) for places in kept])))
    return sparse.csr_array((block.data[chosen], block.indices[chosen], bounds), shape=block.shape)
