"""EASE^R: a linear model of each item by all other items, solved in closed form."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.histories import (
    Floats,
    Progress,
    Scores,
    Sequences,
    event_shares,
    recency,
    taken,
)

RIDGE = 400.0
"""Lambda of the ridge penalty; fixed, not fitted."""
MOST_ITEMS = 15_000
"""Items whose dense matrix is computed: 0.9 GB."""
BLOCK = 1000


def fit_ease(sequences: Sequences, n_items: int, progress: Progress) -> Scores:
    """Score = sum over the history's items j of `DECAY ** age(j) * B[j, i]`; popularity orders equals.

    B minimises |X - X B|^2 + RIDGE |B|^2 with a zero diagonal, where X is 1 for what a user ever took:
    B = I - P / diag(P) with P = (X'X + RIDGE I)^-1 (Steck 2019, eq. 8). Calls `progress(done, items)`.
    Raises UserError for more than `MOST_ITEMS` items, whose matrix of items by items would be too large.
    """
    if n_items > MOST_ITEMS:
        raise UserError(
            f"ease is left out: it computes a matrix of items by items, for up to {MOST_ITEMS:,} items, and "
            f"this catalogue has {n_items:,}. Leave it out of evaluation.baselines."
        )
    shares = event_shares(sequences, n_items) * 1e-9
    weights = item_weights(sequences, n_items, progress)

    def scores(history: Sequence[int]) -> Floats:
        items, recent = recency(history)
        return shares + recent.astype(np.float32) @ weights[items]

    return scores


def item_weights(sequences: Sequences, n_items: int, progress: Progress) -> NDArray[np.float32]:
    """B of `fit_ease` [N, N], which says how much item j (row) speaks for item i (column)."""
    matrix = taken(sequences, n_items).astype(np.float32)
    columns = matrix.tocsc()
    # One matrix for all that follows, in the order of LAPACK, which then works in place.
    gram = np.zeros((n_items, n_items), np.float32, order="F")
    for start in range(0, n_items, BLOCK):
        progress(start, n_items)
        gram[:, start : start + BLOCK] = (matrix.T @ columns[:, start : start + BLOCK]).toarray()
    np.fill_diagonal(gram, gram.diagonal() + RIDGE)
    factor, _ = lapack.spotrf(gram, lower=True, overwrite_a=True)
    progress(n_items, n_items)
    inverse, _ = lapack.spotri(factor, lower=True, overwrite_c=True)
    for start in range(0, n_items, BLOCK):
        stop = start + BLOCK
        # LAPACK writes the lower triangle only.
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        lower = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = lower + np.tril(lower, -1).T
    # Symmetric, so its transpose is the same matrix with rows that lie together in memory.
    weights: NDArray[np.float32] = inverse.T
    weights /= -weights.diagonal().copy()
    np.fill_diagonal(weights, 0)
    return weights
