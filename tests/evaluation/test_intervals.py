import math

import numpy as np
import pytest
from numpy.typing import ArrayLike

from promptrec_tui.evaluation.intervals import Interval, paired_bootstrap
from promptrec_tui.evaluation.metrics import Metric
from promptrec_tui.evaluation.predictions import Predictions

MEAN = Metric("mean", True, lambda rows: float(rows["value"].mean()) if rows["value"].size else float("nan"))


def predictions(values: ArrayLike, groups: list[str] | None = None) -> Predictions:
    column = np.asarray(values, dtype=np.float64)
    keys = tuple(str(number) for number in range(len(column)))
    return Predictions(keys, keys if groups is None else tuple(groups), {"value": column})


def interval(a: ArrayLike, b: ArrayLike, seed: int = 1) -> Interval:
    return paired_bootstrap(MEAN, predictions(a), predictions(b), seed)


def test_a_constant_gain_is_sure() -> None:
    estimate = interval([1.0, 2.0, 3.0], [0.5, 1.5, 2.5])
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_same_seed_gives_the_same_interval() -> None:
    a, b = np.random.default_rng(0).random((2, 50))
    assert interval(a, b, seed=3) == interval(a, b, seed=3)
    assert interval(a, b, seed=3) != interval(a, b, seed=4)


def test_pairs_stay_together() -> None:
    """Between users the values differ a lot, within a user hardly: only a paired interval is narrow."""
    users = np.random.default_rng(0).normal(0, 100, 60)
    estimate = interval(users + 1 + np.tile([-0.1, 0.1], 30), users)
    assert estimate.value == pytest.approx(1)
    assert 0.9 < estimate.low < 1 < estimate.high < 1.1


def test_the_interval_is_that_of_a_mean() -> None:
    gains = np.random.default_rng(5).normal(0.2, 1, 400)
    estimate = interval(gains, np.zeros(400))
    margin = 1.96 * gains.std() / math.sqrt(400)
    assert estimate.low == pytest.approx(estimate.value - margin, abs=0.02)
    assert estimate.high == pytest.approx(estimate.value + margin, abs=0.02)


def test_the_cases_of_a_user_are_resampled_together() -> None:
    """Ten copies of each user's case tell no more than one of them."""
    gains = np.random.default_rng(5).normal(0.2, 1, 40)
    zeros, copies = np.zeros(40), [str(user) for user in range(40) for _ in range(10)]
    once = interval(gains, zeros)
    many = paired_bootstrap(
        MEAN, predictions(gains.repeat(10), copies), predictions(zeros.repeat(10), copies), 1
    )
    assert (many.low, many.high) == pytest.approx((once.low, once.high))


def test_too_few_users_or_a_nan_have_no_interval() -> None:
    one = interval([1.0], [0.0])
    assert one.value == 1
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(interval([], []).value)
    assert math.isnan(interval([math.nan, 1.0], [0.0, 0.0]).low)


def test_different_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="same cases"):
        interval([1.0, 2.0], [1.0])


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="rank"):
        Predictions(("a", "b"), ("a", "b"), {"rank": np.array([1.0])})
