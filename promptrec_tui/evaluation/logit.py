"""Conditional logit: which weights of features explain best what was chosen among some items?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Choice:
    """One choice among C items: their F features, the place of the chosen one, and what they stand for.

    An item that was sampled stands for several: `offsets` [C] is the log of how many, 0 for itself alone.
    """

    features: Floats  # [C, F]
    chosen: int
    offsets: Floats  # [C]


@dataclass(frozen=True, eq=False)
class Stack:
    """Several choices one behind the other, for computations over all of them at once."""

    features: Floats  # [R, F]
    offsets: Floats  # [R]
    starts: NDArray[np.int64]  # [U], the first row of each choice
    owners: NDArray[np.int64]  # [R], whose row it is
    chosen: NDArray[np.int64]  # [U], rows

    def only(self, columns: Sequence[int]) -> "Stack":
        """The same choices by fewer features."""
        features = self.features[:, list(columns)]
        return Stack(features, self.offsets, self.starts, self.owners, self.chosen)

    def users(self, wanted: NDArray[np.bool_]) -> "Stack":
        """Only the choices that are `wanted` [U]."""
        rows = wanted[self.owners]
        sizes = np.bincount(self.owners)[wanted]
        starts = np.append(0, np.cumsum(sizes)[:-1])
        chosen = starts + (self.chosen - self.starts)[wanted]
        return Stack(
            self.features[rows], self.offsets[rows], starts, np.repeat(np.arange(len(sizes)), sizes), chosen
        )

    def spreads(self) -> Floats:
        """The standard deviation of each feature within choices, pooled over them: [F].

        A constant within each choice says nothing of it, so it has no spread.
        """
        sizes = np.bincount(self.owners)
        means = np.add.reduceat(self.features, self.starts) / sizes[:, None]
        spreads: Floats = np.sqrt(((self.features - means[self.owners]) ** 2).mean(axis=0))
        return np.where(spreads > 1e-9 * np.abs(self.features).max(axis=0, initial=0), spreads, 0.0)

    def log_likelihoods(self, weights: Floats) -> Floats:
        """log of the probability of each choice: [U]."""
        return self._likelihood(weights)[0]

    def discounts(self, weights: Floats) -> Floats:
        """1 / log2(1 + rank) of each chosen item among the items of its choice, ties as halves: [U]."""
        scores = self.features @ weights
        own = scores[self.chosen][self.owners]
        ahead = np.add.reduceat((scores > own) + (scores == own) / 2, self.starts)
        discounts: Floats = 1 / np.log2(1 + ahead + 0.5)
        return discounts

    def value(self, weights: Floats, l2: float) -> tuple[float, Floats]:
        """The loss -Σ log P(choice) + l2 · |weights|² / 2, and its gradient [F]."""
        logs, shares = self._likelihood(weights)
        loss = -logs.sum() + l2 * (weights**2).sum() / 2
        return float(loss), shares @ self.features - self.features[self.chosen].sum(0) + l2 * weights

    def _likelihood(self, weights: Floats) -> tuple[Floats, Floats]:
        """log P of each choice [U], and of each row its share of the probability [R]."""
        scores = self.features @ weights + self.offsets
        highest = np.maximum.reduceat(scores, self.starts)
        powers = np.exp(scores - highest[self.owners])
        sums = np.add.reduceat(powers, self.starts)
        # The chosen item stands for itself.
        own = scores[self.chosen] - self.offsets[self.chosen]
        return own - highest - np.log(sums), powers / sums[self.owners]


def stacked(choices: Sequence[Choice]) -> Stack:
    """At least one choice, as one stack."""
    sizes = np.array([len(choice.features) for choice in choices])
    starts = np.append(0, np.cumsum(sizes)[:-1])
    return Stack(
        np.concatenate([choice.features for choice in choices]),
        np.concatenate([choice.offsets for choice in choices]),
        starts,
        np.repeat(np.arange(len(choices)), sizes),
        starts + np.array([choice.chosen for choice in choices]),
    )


def fit_logit(stack: Stack, l2: float, nonnegative: Sequence[bool]) -> Floats:
    """The weights [F] that maximise the likelihood of the choices (McFadden 1974), less a ridge penalty.

    The penalty is on weights of features divided by their spreads; where `nonnegative`, a weight is at least
    0. The problem is convex, so there is one answer; a feature without spread gets 0.
    """
    spreads = stack.spreads()
    used = spreads > 0
    scaled = np.divide(stack.features, spreads, out=np.zeros_like(stack.features), where=used)
    scaled_stack = Stack(scaled, stack.offsets, stack.starts, stack.owners, stack.chosen)
    answer = minimize(
        lambda weights: scaled_stack.value(weights, l2),
        np.zeros(len(spreads)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None) if low else (None, None) for low in nonnegative],
        options={"ftol": 1e-12, "gtol": 1e-8, "maxiter": 2000},
    )
    weights: Floats = np.divide(answer.x, spreads, out=np.zeros_like(spreads), where=used)
    return weights
