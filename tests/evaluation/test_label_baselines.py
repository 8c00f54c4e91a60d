import numpy as np
import pytest

from promptrec_tui.evaluation.label_baselines import BASELINES, majority, naive_bayes


def test_the_majority_counts_labels_with_one_added() -> None:
    rows = majority(["a", "b", "c"], [0, 0, 2], 3)(["x", "y"])
    np.testing.assert_allclose(np.exp(rows), [[3 / 6, 1 / 6, 2 / 6]] * 2)


def test_naive_bayes_by_hand() -> None:
    """Two labels; words: sun twice and rain once under 0, snow once under 1."""
    scores = naive_bayes(["sun sun", "rain", "snow"], [0, 0, 1], 2)
    prior = np.array([3 / 5, 2 / 5])
    sun = np.array([3 / 6, 1 / 4])
    joint = prior * sun**2
    np.testing.assert_allclose(np.exp(scores(["Sun, sun!"])[0]), joint / joint.sum())


def test_unknown_words_say_nothing() -> None:
    scores = naive_bayes(["sun", "snow"], [0, 1], 2)
    np.testing.assert_allclose(np.exp(scores(["hail", ""])), [[0.5, 0.5]] * 2)


@pytest.mark.parametrize("name", BASELINES)
def test_each_row_adds_to_one(name: str) -> None:
    texts = [f"word{number % 7} word{number % 3}" for number in range(30)]
    rows = BASELINES[name](texts, [number % 5 for number in range(30)], 6)(texts)
    assert rows.shape == (30, 6)
    np.testing.assert_allclose(np.exp(rows).sum(1), 1)
