"""Confidence intervals for the difference of two models."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.evaluation.metrics import Metric
from promptrec_tui.evaluation.predictions import Predictions, take

SAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A difference and its 95 % interval; the ends are NaN where there are too few groups."""

    value: float
    low: float
    high: float


def paired_bootstrap(metric: Metric, ours: Predictions, theirs: Predictions, seed: int) -> Interval:
    """`metric` of `ours` minus that of `theirs`, with a 95 % percentile interval.

    As in Efron & Tibshirani 1993, ch. 13. Groups of cases are resampled, the same for both. With fewer than
    two groups, or a NaN in the difference, the ends are NaN.

    Raises ValueError when the two are not about the same cases.
    """
    if ours.keys != theirs.keys:
        raise ValueError("Paired predictions need the same cases in the same order.")
    value = metric.of(ours.rows) - metric.of(theirs.rows)
    members = ours.members()
    if len(members) < 2 or np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    alone = len(members) == len(ours.keys)

    from scipy.stats import bootstrap  # takes a second to import, and a run needs it at its end only

    def difference(groups: NDArray[np.intp]) -> float:
        wanted = groups if alone else np.concatenate([members[group] for group in groups])
        return metric.of(take(ours.rows, wanted)) - metric.of(take(theirs.rows, wanted))

    result = bootstrap(
        (np.arange(len(members)),),
        difference,
        n_resamples=SAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return Interval(value, float(result.confidence_interval.low), float(result.confidence_interval.high))
