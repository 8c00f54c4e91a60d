"""How sure a difference between two rankers is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Interval:
    """A mean difference and its 95 % interval; the ends are NaN where it takes more users to tell."""

    value: float
    low: float
    high: float


def paired_bootstrap(a: ArrayLike, b: ArrayLike, seed: int, samples: int = 2000) -> Interval:
    """Mean of `a - b` over users, with a 95 % percentile interval from resampling users in pairs.

    `a` and `b` [U] hold one value for each user, in the same order (Efron & Tibshirani 1993, ch. 13). With
    fewer than two users, or a NaN among the values, the interval's ends are NaN.

    Raises ValueError when `a` and `b` differ in length.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"Paired values need the same users: {first.shape} and {second.shape} differ.")
    differences = first - second
    count = len(differences)
    if count < 2:
        return Interval(float(differences[0]) if count else float("nan"), float("nan"), float("nan"))
    random = np.random.default_rng(seed)
    means = [differences[random.integers(count, size=count)].mean() for _ in range(samples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(differences.mean()), float(low), float(high))
