"""The answers of a model or a baseline: one row per case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = Mapping[str, NDArray[Any]]
"""Columns of equal length [R], by name: see `Predictions`."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """One row per case: `keys` name the cases [R], `groups` name their owners [R], such as users.

    Rows of one group depend on one another, so an interval resamples them together. Columns, by what the task
    asks for:

    - `rank` of the target among all answers, `1 + better + equal/2`; inf beyond a cap, NaN for a broken model
    - `label` and `target`, the index of the answer and of the truth; `confidence`, the probability of the
      answer; `logprob` of the truth. A ranking has them too where its scores are probabilities, with the
      `entropy` of all answers, and `raw_confidence` and `raw_logprob` as they were before calibration

    Raises ValueError where a column does not have one value per case.
    """

    keys: tuple[str, ...]
    groups: tuple[str, ...]
    rows: Rows

    def __post_init__(self) -> None:
        for name, column in {"groups": np.array(self.groups), **self.rows}.items():
            if column.shape != (len(self.keys),):
                raise ValueError(
                    f"The column {name} has the shape {column.shape}, not one value for each of "
                    f"{len(self.keys)} cases."
                )

    def members(self) -> list[NDArray[np.intp]]:
        """The rows of each group, groups in the order of their first rows."""
        _, first, owner = np.unique(np.array(self.groups), return_index=True, return_inverse=True)
        return [np.flatnonzero(owner == group) for group in np.argsort(first)]


def take(rows: Rows, wanted: NDArray[np.intp]) -> Rows:
    """The `wanted` rows, in that order, repetitions included."""
    return {name: column[wanted] for name, column in rows.items()}


def ranked(keys: tuple[str, ...], ranks: Any) -> Predictions:
    """Predictions of a ranking task, where each case is a user of its own: `ranks` [R]."""
    return Predictions(keys, keys, {"rank": np.asarray(ranks, dtype=np.float64)})
