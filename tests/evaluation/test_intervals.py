import math

import numpy as np
import pytest

from promptrec_tui.evaluation.intervals import paired_bootstrap


def test_a_constant_gain_is_sure() -> None:
    interval = paired_bootstrap([1.0, 2.0, 3.0], [0.5, 1.5, 2.5], seed=1)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_same_seed_gives_the_same_interval() -> None:
    a, b = np.random.default_rng(0).random((2, 50))
    assert paired_bootstrap(a, b, seed=3) == paired_bootstrap(a, b, seed=3)
    assert paired_bootstrap(a, b, seed=3) != paired_bootstrap(a, b, seed=4)


def test_pairs_stay_together() -> None:
    """Between users the values differ a lot, within a user hardly: only a paired interval is narrow."""
    users = np.random.default_rng(0).normal(0, 100, 60)
    interval = paired_bootstrap(users + 1 + np.tile([-0.1, 0.1], 30), users, seed=1)
    assert interval.value == pytest.approx(1)
    assert 0.9 < interval.low < 1 < interval.high < 1.1


def test_the_interval_is_that_of_a_mean() -> None:
    gains = np.random.default_rng(5).normal(0.2, 1, 400)
    interval = paired_bootstrap(gains, np.zeros(400), seed=1)
    margin = 1.96 * gains.std() / math.sqrt(400)
    assert interval.low == pytest.approx(interval.value - margin, abs=0.02)
    assert interval.high == pytest.approx(interval.value + margin, abs=0.02)


def test_too_few_users_or_a_nan_have_no_interval() -> None:
    one = paired_bootstrap([1.0], [0.0], seed=1)
    assert one.value == 1
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert math.isnan(paired_bootstrap([], [], seed=1).value)
    assert math.isnan(paired_bootstrap([math.nan, 1.0], [0.0, 0.0], seed=1).low)


def test_different_users_are_refused() -> None:
    with pytest.raises(ValueError, match="same users"):
        paired_bootstrap([1.0, 2.0], [1.0], seed=1)
