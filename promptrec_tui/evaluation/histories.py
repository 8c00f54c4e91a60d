"""Histories of item ids as baselines use them: who took what, and how recent it is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Sequences = Sequence[Sequence[int]]
Scores = Callable[[Sequence[int]], Floats]
"""From a history of item ids, oldest first, to every item's score [N]."""
Progress = Callable[[int, int], None]
Matrix = Any  # scipy.sparse has no types

DECAY = 0.8
"""How much less each earlier event of a history weighs for item_knn and ease; fixed, not fitted."""


def event_counts(sequences: Sequences, n_items: int) -> Floats:
    """Events of each item [N]."""
    items = np.fromiter((item for sequence in sequences for item in sequence), dtype=np.int64)
    counts: Floats = np.bincount(items, minlength=n_items).astype(np.float64)
    return counts


def event_shares(sequences: Sequences, n_items: int) -> Floats:
    """Each item's share of the events [N], below 1 so that it orders equals and never outweighs a count."""
    events = event_counts(sequences, n_items)
    shares: Floats = events / (events.sum() + 1)
    return shares


def taken(sequences: Sequences, n_items: int) -> Matrix:
    """1.0 where a user ever took an item: sparse by rows [users, N]."""
    users = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    items = np.fromiter((item for sequence in sequences for item in sequence), dtype=np.int64)
    matrix: Matrix = sparse.csr_array((np.ones(len(items)), (users, items)), shape=(len(sequences), n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def recency(history: Sequence[int]) -> tuple[NDArray[np.int64], Floats]:
    """The distinct items of a history [H] and their weights [H]: `DECAY ** age`.

    The last event has the age 0, the one before it 1. An item that comes back weighs as its last time does.
    """
    last = {item: place for place, item in enumerate(history)}
    items = np.fromiter(last, dtype=np.int64, count=len(last))
    ages = len(history) - 1 - np.fromiter(last.values(), dtype=np.int64, count=len(last))
    weights: Floats = DECAY ** ages.astype(np.float64)
    return items, weights
