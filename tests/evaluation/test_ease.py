import numpy as np
import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation import ease
from promptrec_tui.evaluation.baselines import fit_baseline
from promptrec_tui.evaluation.ease import MOST_ITEMS, item_weights


def sequences(users: int, items: int) -> list[list[int]]:
    random = np.random.default_rng(1)
    popular = random.dirichlet(np.ones(items) * 0.5)
    return [random.choice(items, 8, p=popular).tolist() for _ in range(users)]


@pytest.mark.parametrize("ridge", [0.5, 400.0])
def test_weights_are_the_ridge_regression_of_each_item_on_all_others(
    monkeypatch: pytest.MonkeyPatch, ridge: float
) -> None:
    monkeypatch.setattr(ease, "BLOCK", 7)
    monkeypatch.setattr(ease, "RIDGE", ridge)
    given = sequences(80, 30)
    taken = np.zeros((80, 30))
    for user, sequence in enumerate(given):
        taken[user, sequence] = 1
    expected = np.zeros((30, 30))
    for item in range(30):
        others = [other for other in range(30) if other != item]
        rest = taken[:, others]
        expected[others, item] = np.linalg.solve(rest.T @ rest + ridge * np.eye(29), rest.T @ taken[:, item])
    weights = item_weights(given, 30, lambda done, items: None)
    assert weights.diagonal().tolist() == [0] * 30
    assert weights == pytest.approx(expected, abs=1e-5, rel=1e-3)


def test_scores_are_the_rows_of_the_history_weighed_by_recency() -> None:
    given = sequences(80, 30)
    weights = item_weights(given, 30, lambda done, items: None).astype(np.float64)
    scores = fit_baseline("ease", given, 30).scores([3, 17, 17, 29])
    # Item 17 counts where it was last.
    expected = 0.8**3 * weights[3] + 0.8 * weights[17] + weights[29]
    assert scores == pytest.approx(expected, abs=1e-7)


def test_an_item_of_nobody_says_nothing_and_popularity_orders_the_rest() -> None:
    given = [[0, 1], [0, 1], [0, 2]]
    scores = fit_baseline("ease", given, 4).scores([3])
    assert np.argsort(-scores, kind="stable").tolist() == [0, 1, 2, 3]


def test_it_says_how_far_it_is_and_ends_by_what_progress_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "BLOCK", 2)
    calls: list[tuple[int, int]] = []
    fit_baseline("ease", [[0, 1]], 5, lambda done, items: calls.append((done, items)))
    assert calls == [(0, 5), (2, 5), (4, 5), (5, 5)]

    def stop(done: int, items: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_baseline("ease", [[0, 1]], 5, stop)


def test_too_many_items_are_refused_before_any_memory_is_taken() -> None:
    with pytest.raises(UserError, match=rf"up to {MOST_ITEMS:,} items.*has {MOST_ITEMS + 1:,}"):
        fit_baseline("ease", [[0, 1]], MOST_ITEMS + 1)
