import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.evaluation.metrics import rank_with_ties, ranking_metrics, user_metrics


def test_rank_counts_better_and_half_of_the_equal() -> None:
    scores = [5.0, 3.0, 3.0, 3.0, 1.0]
    assert rank_with_ties(scores, 0) == 1
    assert rank_with_ties(scores, 2) == 1 + 1 + 2 / 2
    assert rank_with_ties(scores, 4) == 5


def test_excluded_items_are_no_rivals_but_the_target_always_counts() -> None:
    scores = [5.0, 3.0, 3.0, 1.0]
    assert rank_with_ties(scores, 3, exclude=[0, 1]) == 2
    assert rank_with_ties(scores, 1, exclude=[0, 1]) == 1.5


def test_a_nan_score_makes_the_rank_nan_unless_it_is_excluded() -> None:
    scores = [math.nan, 1.0, 2.0]
    assert math.isnan(rank_with_ties(scores, 1))
    assert math.isnan(rank_with_ties(scores, 0))
    assert rank_with_ties(scores, 1, exclude=[0]) == 2


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_rank_is_the_mean_over_all_orders_of_the_ties(scores: list[int], data: st.DataObject) -> None:
    target = data.draw(st.integers(0, len(scores) - 1))
    orders = [
        1 + order.index(target)
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    assert rank_with_ties(scores, target) == pytest.approx(np.mean(orders))


def test_metrics_of_known_ranks() -> None:
    metrics = ranking_metrics([1, 2, 10, 11], k=10)
    assert metrics["hr@10"] == pytest.approx(3 / 4)
    assert metrics["ndcg@10"] == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(11)) / 4)
    assert metrics["mrr@10"] == pytest.approx((1 + 1 / 2 + 1 / 10) / 4)
    assert metrics["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 10 + 1 / 11) / 4)


def test_a_rank_beyond_the_cap_is_zero_and_a_nan_is_no_zero() -> None:
    assert set(ranking_metrics([math.inf], k=10).values()) == {0.0}
    assert all(math.isnan(value) for value in ranking_metrics([1.0, math.nan], k=10).values())
    assert all(math.isnan(value) for value in ranking_metrics([], k=10).values())


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30), st.integers(1, 50))
def test_metrics_stay_in_order(ranks: list[int], k: int) -> None:
    values = user_metrics(ranks, k)
    assert (values[f"mrr@{k}"] <= values[f"ndcg@{k}"] + 1e-12).all()
    assert (values[f"ndcg@{k}"] <= values[f"hr@{k}"]).all()
    assert (values[f"mrr@{k}"] <= values["mrr"]).all()
