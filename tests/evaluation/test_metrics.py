import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.evaluation.metrics import (
    calibration_error,
    classification_metrics,
    confusion,
    macro_f1,
    measured,
    per_class,
    rank_with_ties,
    ranking_metrics,
)


def of_ranks(ranks: list[float], k: int) -> dict[str, float]:
    return measured(ranking_metrics(k), {"rank": np.array(ranks, dtype=np.float64)})


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
    metrics = of_ranks([1, 2, 10, 11], k=10)
    assert metrics["hr@10"] == pytest.approx(3 / 4)
    assert metrics["ndcg@10"] == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(11)) / 4)
    assert metrics["mrr@10"] == pytest.approx((1 + 1 / 2 + 1 / 10) / 4)
    assert metrics["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 10 + 1 / 11) / 4)


def test_a_rank_beyond_the_cap_is_zero_and_a_nan_is_no_zero() -> None:
    *cut, mrr = of_ranks([math.inf, 2.0], k=10).items()
    assert dict(cut) == pytest.approx({"hr@10": 0.5, "ndcg@10": 0.5 / math.log2(3), "mrr@10": 0.25})
    assert math.isnan(mrr[1]), "ranks that were not told apart have no MRR over all of them"
    assert all(math.isnan(value) for value in of_ranks([1.0, math.nan], k=10).values())
    assert all(math.isnan(value) for value in of_ranks([], k=10).values())


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30), st.integers(1, 50))
def test_metrics_stay_in_order(ranks: list[int], k: int) -> None:
    values = of_ranks(ranks, k)
    assert values[f"mrr@{k}"] <= values[f"ndcg@{k}"] + 1e-12
    assert values[f"ndcg@{k}"] <= values[f"hr@{k}"] + 1e-12
    assert values[f"mrr@{k}"] <= values["mrr"] + 1e-12


def test_capped_ranks_have_no_mrr_beyond_the_cap() -> None:
    assert [metric.name for metric in ranking_metrics(5, capped=True)] == ["hr@5", "ndcg@5", "mrr@5"]


ROWS = {
    "target": np.array([0, 0, 1, 1, 2]),
    "label": np.array([0, 1, 1, 1, 4]),
    "logprob": np.log([0.9, 0.2, 0.6, 0.5, 0.1]),
    "confidence": np.array([0.9, 0.8, 0.6, 0.5, 0.7]),
}


def test_metrics_of_known_labels() -> None:
    """Worked by hand; scikit-learn's f1_score(average="macro", zero_division=0) gives the same."""
    values = measured(classification_metrics(), ROWS)
    assert values["accuracy"] == pytest.approx(3 / 5)
    # Label 0: 2/3, label 1: 4/5, labels 2 and 4: 0, label 3 does not occur.
    assert values["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 4)
    assert values["logloss"] == pytest.approx(-np.log([0.9, 0.2, 0.6, 0.5, 0.1]).mean())
    # Each row is in a bin of its own.
    assert values["ece"] == pytest.approx((0.1 + 0.8 + 0.4 + 0.5 + 0.7) / 5)


def test_errors_in_one_bin_offset_one_another() -> None:
    rows = {"target": np.array([0, 1]), "label": np.array([0, 0]), "confidence": np.array([0.5, 0.5])}
    assert calibration_error(rows) == pytest.approx(0)


def test_no_rows_have_no_value() -> None:
    empty = {name: column[:0] for name, column in ROWS.items()}
    assert all(math.isnan(value) for value in measured(classification_metrics(), empty).values())


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_macro_f1_is_the_mean_over_the_labels_that_occur(pairs: list[tuple[int, int]]) -> None:
    rows = {"target": np.array([true for true, _ in pairs]), "label": np.array([given for _, given in pairs])}
    table = per_class(rows, [str(label) for label in range(5)])
    occurring = {str(label) for pair in pairs for label in pair}
    assert macro_f1(rows) == pytest.approx(np.mean([table[label]["f1"] for label in occurring]))
    for figures in table.values():
        if figures["precision"] + figures["recall"]:
            harmonic = 2 / (1 / figures["precision"] + 1 / figures["recall"]) if figures["f1"] else 0
            assert figures["f1"] == pytest.approx(harmonic)


def test_a_confusion_has_a_line_per_true_label() -> None:
    table = confusion(ROWS, 5)
    assert table[0].tolist() == [1, 1, 0, 0, 0]
    assert table[2, 4] == 1
    assert table.sum() == 5
