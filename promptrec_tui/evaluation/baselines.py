"""Simple recommenders that a tuned model has to beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.ease import fit_ease
from promptrec_tui.evaluation.histories import (
    Floats,
    Matrix,
    Progress,
    Scores,
    Sequences,
    event_counts,
    event_shares,
    recency,
    taken,
)

NEIGHBOURS = 100
RECENT = 10
"""Events of a user that are recent."""
BLOCK = 1000


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: `scores(history)` gives every item's score [N] after a history of item ids."""

    name: str
    scores: Scores


def fit_baseline(
    name: str,
    sequences: Sequences,
    n_items: int,
    progress: Progress = lambda done, of: None,
    shared: dict[str, Matrix] | None = None,
) -> Baseline:
    """Fit a baseline on `sequences` (one list of item ids a user, oldest first), and on nothing else.

    The names are popularity, recent_popularity, markov, item_knn, knn_markov and ease; sasrec is fitted by
    `tuning.sasrec`, with torch. The caller gives only events before the targets to be judged. item_knn,
    knn_markov and ease, which take minutes for many events, call `progress(done, items)`; what it raises ends
    them. Raises UserError for an unknown name, and where ease has too many items. `shared`, the same
    dictionary in calls for the same sequences, keeps what several of them need.
    """
    kept = {} if shared is None else shared
    fits: dict[str, Callable[[Sequences, int], Scores]]
    fits = {
        "popularity": _popularity,
        "recent_popularity": _recent_popularity,
        "markov": _markov,
        "item_knn": partial(_item_knn, progress=progress, shared=kept),
        "knn_markov": partial(_knn_markov, progress=progress, shared=kept),
        "ease": partial(fit_ease, progress=progress),
    }
    if name not in fits:
        raise UserError(f'There is no baseline "{name}": choose among {", ".join(fits)}.')
    return Baseline(name, fits[name](sequences, n_items))


def _popularity(sequences: Sequences, n_items: int) -> Scores:
    """Score = events of the item, independent of the history."""
    events = event_counts(sequences, n_items)
    return lambda history: events.copy()


def _recent_popularity(sequences: Sequences, n_items: int) -> Scores:
    """Score = events of the item among each user's last `RECENT`; popularity orders equals."""
    recent = event_counts([sequence[-RECENT:] for sequence in sequences], n_items)
    scores = recent + event_shares(sequences, n_items)
    return lambda history: scores.copy()


def _markov(sequences: Sequences, n_items: int) -> Scores:
    """Score = times the item came right after the last one; popularity orders the rest."""
    shares = event_shares(sequences, n_items)
    followers = _followers(sequences, n_items)

    def scores(history: Sequence[int]) -> Floats:
        return shares + followers(history)

    return scores


def _followers(sequences: Sequences, n_items: int) -> Scores:
    """Times each item came right after the last one [N]."""
    pairs = np.array([pair for sequence in sequences for pair in pairwise(sequence)], np.int64).reshape(-1, 2)
    ones = np.ones(len(pairs))
    counts: Matrix = sparse.csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n_items, n_items))
    counts.sum_duplicates()

    def scores(history: Sequence[int]) -> Floats:
        result = np.zeros(n_items)
        if history:
            start, stop = counts.indptr[history[-1]], counts.indptr[history[-1] + 1]
            result[counts.indices[start:stop]] = counts.data[start:stop]
        return result

    return scores


def _item_knn(sequences: Sequences, n_items: int, progress: Progress, shared: dict[str, Matrix]) -> Scores:
    """Score = sum over the history's items of their cosine to the item, weighed by how recent they are.

    Item-based top-N of Deshpande & Karypis (2004) on "did the user ever take it", among each item's 100
    nearest; the last item weighs 1, each one before it `DECAY` times the next. Popularity orders the rest.
    """
    shares = event_shares(sequences, n_items) * 1e-9
    similarity = _similarity(sequences, n_items, progress, shared)

    def scores(history: Sequence[int]) -> Floats:
        return shares + similarity(history)

    return scores


def _knn_markov(sequences: Sequences, n_items: int, progress: Progress, shared: dict[str, Matrix]) -> Scores:
    """Score = item_knn / its largest + markov / its largest, both without popularity, which orders the rest.

    Both parts lie between 0 and 1, so that they weigh alike whatever the number of events; fixed, not fitted.
    """
    shares = event_shares(sequences, n_items) * 1e-9
    parts = (_similarity(sequences, n_items, progress, shared), _followers(sequences, n_items))

    def scores(history: Sequence[int]) -> Floats:
        return shares + sum(_scaled(part(history)) for part in parts)

    return scores


def _scaled(values: Floats) -> Floats:
    """Values [N] of at least 0, divided by their largest."""
    largest = values.max(initial=0)
    return values / largest if largest > 0 else values


def _similarity(sequences: Sequences, n_items: int, progress: Progress, shared: dict[str, Matrix]) -> Scores:
    """Sum over the history's items of their cosine to each item [N], weighed by how recent they are."""
    if "neighbours" not in shared:
        shared["neighbours"] = _neighbours(sequences, n_items, progress)
    similar = shared["neighbours"]

    def scores(history: Sequence[int]) -> Floats:
        items, recent = recency(history)
        near = similar[items]
        weights = near.data * np.repeat(recent, np.diff(near.indptr))
        sums: Floats = np.bincount(near.indices, weights, n_items).astype(np.float64)
        return sums

    return scores


def _neighbours(sequences: Sequences, n_items: int, progress: Progress) -> Matrix:
    """Cosine between items over the users who took them, the nearest ones of each row: sparse [N, N]."""
    matrix = taken(sequences, n_items)
    lengths = np.sqrt(np.bincount(matrix.indices, minlength=n_items))
    matrix.data /= lengths[matrix.indices]
    columns = matrix.tocsc()
    # In blocks of items, because all co-occurrences at once can be far larger than the nearest ones.
    blocks = []
    for start in range(0, n_items, BLOCK):
        progress(start, n_items)
        blocks.append(_nearest((columns[:, start : start + BLOCK].T @ matrix).tocsr(), start))
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
