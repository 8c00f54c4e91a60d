import math
from typing import Any

import numpy as np
import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.baselines import fit_baseline

NAMES = ("popularity", "recent_popularity", "markov", "item_knn", "knn_markov", "ease")
SEQUENCES = [[0, 1, 2], [0, 1, 3], [0, 1, 2, 1], [4, 0]]


def order(scores: np.ndarray) -> list[int]:
    return np.argsort(-scores, kind="stable").tolist()


def test_popularity_counts_events() -> None:
    baseline = fit_baseline("popularity", SEQUENCES, 6)
    assert baseline.scores([2]).tolist() == [4, 4, 2, 1, 1, 0]
    assert baseline.scores([]).tolist() == baseline.scores([2]).tolist()


def test_recent_popularity_counts_the_last_ten_events_of_each_user() -> None:
    long = [[0] * 5 + [1] + [2] * 9, [3, 3, 1]]
    assert np.floor(fit_baseline("recent_popularity", long, 5).scores([0])).tolist() == [0, 2, 9, 2, 0]
    assert order(fit_baseline("recent_popularity", long, 5).scores([])) == [2, 1, 3, 0, 4]


def test_markov_counts_what_came_next_then_popularity() -> None:
    baseline = fit_baseline("markov", SEQUENCES, 6)
    assert order(baseline.scores([4, 1])) == [2, 3, 0, 1, 4, 5]
    assert np.floor(baseline.scores([0])).tolist() == [0, 3, 0, 0, 0, 0]
    assert order(baseline.scores([5])) == order(fit_baseline("popularity", SEQUENCES, 6).scores([]))
    assert order(baseline.scores([])) == order(baseline.scores([5]))


def test_item_knn_sums_cosines_of_the_history() -> None:
    baseline = fit_baseline("item_knn", SEQUENCES, 6)
    scores = baseline.scores([1, 4])
    # The item before the last weighs 0.8.
    # Users with item 1: three; with 0: four, all three among them; with 4: one, who has 0.
    assert scores[0] == pytest.approx(0.8 * 3 / math.sqrt(3 * 4) + 1 / math.sqrt(1 * 4), abs=1e-6)
    assert scores[2] == pytest.approx(0.8 * 2 / math.sqrt(3 * 2), abs=1e-6)
    assert scores[1] == pytest.approx(0, abs=1e-6)
    assert order(baseline.scores([5])) == order(fit_baseline("popularity", SEQUENCES, 6).scores([]))


def test_item_knn_equals_the_dense_computation_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptrec_tui.evaluation.baselines.BLOCK", 7)
    monkeypatch.setattr("promptrec_tui.evaluation.baselines.NEIGHBOURS", 5)
    random = np.random.default_rng(0)
    sequences = [random.integers(0, 40, 12).tolist() for _ in range(60)]
    taken = np.zeros((60, 40))
    for user, sequence in enumerate(sequences):
        taken[user, sequence] = 1
    lengths = np.sqrt(taken.sum(axis=0))
    cosine = taken.T @ taken / np.outer(lengths, lengths)
    np.fill_diagonal(cosine, 0)
    history = [3, 17, 17, 39]
    expected = np.zeros(40)
    for item, age in {3: 3, 17: 1, 39: 0}.items():
        nearest = np.argsort(-np.round(cosine[item], 12), kind="stable")[:5]
        expected[nearest] += 0.8**age * cosine[item, nearest]
    scores = fit_baseline("item_knn", sequences, 40).scores(history)
    assert scores == pytest.approx(expected, abs=1e-6)


def test_knn_markov_adds_both_scores_scaled_by_their_largest() -> None:
    baseline = fit_baseline("knn_markov", SEQUENCES, 6)
    # After 1 came 2 twice and 3 once. Cosines: to 0 is 3/sqrt(12), to 2 is 2/sqrt(6), to 3 is 1/sqrt(3).
    knn = np.array([3 / math.sqrt(12), 0, 2 / math.sqrt(6), 1 / math.sqrt(3), 0, 0])
    expected = knn / knn.max() + np.array([0, 0, 2, 1, 0, 0]) / 2
    assert baseline.scores([1]) == pytest.approx(expected, abs=1e-6)
    # Nothing came after item 3: item_knn alone decides.
    assert order(baseline.scores([3])) == order(fit_baseline("item_knn", SEQUENCES, 6).scores([3]))
    assert order(baseline.scores([])) == order(fit_baseline("popularity", SEQUENCES, 6).scores([]))


def test_neighbours_are_computed_once_for_all_who_share_them() -> None:
    shared: dict[str, Any] = {}
    calls: list[tuple[int, int]] = []
    for name in ("item_knn", "knn_markov"):
        fitted = fit_baseline(name, SEQUENCES, 6, lambda done, items: calls.append((done, items)), shared)
        assert fitted.scores([1]).tolist() == fit_baseline(name, SEQUENCES, 6).scores([1]).tolist()
    assert calls == [(0, 6)]


def test_scores_belong_to_the_caller() -> None:
    for name in NAMES:
        baseline = fit_baseline(name, SEQUENCES, 6)
        first = baseline.scores([1])
        kept = first.copy()
        first[:] = -1
        assert baseline.scores([1]).tolist() == kept.tolist()


def test_no_events_give_no_order() -> None:
    for name in NAMES:
        assert fit_baseline(name, [], 3).scores([1]).tolist() == [0, 0, 0]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match=r"svd.*popularity, markov, item_knn, knn_markov, ease"):
        fit_baseline("svd", SEQUENCES, 6)


def test_item_knn_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptrec_tui.evaluation.baselines.BLOCK", 2)
    progress: list[tuple[int, int]] = []
    fit_baseline("item_knn", SEQUENCES, 6, lambda done, items: progress.append((done, items)))
    assert progress == [(0, 6), (2, 6), (4, 6)]
