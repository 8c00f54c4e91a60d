import numpy as np
import pytest
from scipy.optimize import approx_fprime

from promptrec_tui.evaluation.logit import Choice, Floats, Stack, fit_logit, stacked


def simulated(weights: Floats, users: int, items: int = 30, seed: int = 0) -> list[Choice]:
    """Users who choose as a conditional logit with these weights says."""
    chance = np.random.default_rng(seed)
    choices = []
    for _ in range(users):
        features = chance.normal(size=(items, len(weights))) * [1.0, 5.0, 0.2]
        # The largest of score and Gumbel noise is a draw from the softmax of the scores.
        chosen = int(np.argmax(features @ weights + chance.gumbel(size=items)))
        choices.append(Choice(features, chosen, np.zeros(items)))
    return choices


def test_the_likelihood_is_that_of_the_definition() -> None:
    chance = np.random.default_rng(1)
    choices = [
        Choice(chance.normal(size=(size, 3)), size - 1, np.abs(chance.normal(size=size)))
        for size in (2, 5, 3)
    ]
    weights = np.array([0.5, -1.0, 2.0])
    expected = []
    for choice in choices:
        powers = np.exp(choice.features @ weights + choice.offsets)
        own = np.exp(choice.features[choice.chosen] @ weights)
        expected.append(np.log(own / powers.sum()))
    assert stacked(choices).log_likelihoods(weights) == pytest.approx(expected)


def test_the_gradient_is_that_of_differences() -> None:
    stack = stacked(simulated(np.array([1.0, 0.1, -3.0]), 20))
    for weights in (np.zeros(3), np.array([0.3, -0.2, 1.0])):
        numeric = approx_fprime(weights, lambda given: stack.value(given, 0.7)[0], 1e-6)
        assert stack.value(weights, 0.7)[1] == pytest.approx(numeric, abs=1e-3)


def test_known_weights_are_recovered() -> None:
    weights = np.array([1.0, 0.1, -3.0])
    fitted = fit_logit(stacked(simulated(weights, 3000)), 1e-3, [False] * 3)
    assert fitted == pytest.approx(weights, rel=0.1)


def test_a_weight_is_not_below_zero_where_it_must_not_be() -> None:
    stack = stacked(simulated(np.array([1.0, 0.1, -3.0]), 200))
    fitted = fit_logit(stack, 1.0, [True, True, True])
    assert fitted[2] == 0
    assert (fitted[:2] > 0).all()


def test_the_penalty_does_not_hang_on_the_unit_of_a_feature() -> None:
    stack = stacked(simulated(np.array([1.0, 0.1, -3.0]), 100))
    units = np.array([1.0, 1000.0, 0.01])
    other = Stack(stack.features * units, stack.offsets, stack.starts, stack.owners, stack.chosen)
    assert fit_logit(other, 5.0, [False] * 3) * units == pytest.approx(
        fit_logit(stack, 5.0, [False] * 3), rel=1e-3
    )
    strong = fit_logit(stack, 500.0, [False] * 3)
    assert np.abs(strong[0]) < np.abs(fit_logit(stack, 5.0, [False] * 3)[0])


def test_a_feature_that_tells_nothing_apart_gets_no_weight() -> None:
    choices = [
        Choice(np.column_stack([each.features[:, 0], np.full(30, float(user))]), each.chosen, each.offsets)
        for user, each in enumerate(simulated(np.array([1.0, 0.1, -3.0]), 50))
    ]
    fitted = fit_logit(stacked(choices), 1.0, [False, False])
    assert fitted[1] == 0
    assert fitted[0] > 0.3


def test_a_sample_that_stands_for_the_rest_gives_the_weights_of_all_items() -> None:
    """Of 1,000 items the 50 best by a feature are kept, and 50 of the rest, each of which stands for many."""
    weights = np.array([1.0, 0.1, -3.0])
    chance, kept = np.random.default_rng(3), []
    for choice in simulated(weights, 1000, items=1000):
        order = np.argsort(-choice.features[:, 0])
        order = order[order != choice.chosen]
        items = np.concatenate([[choice.chosen], order[:50], chance.choice(order[50:], 50, replace=False)])
        offsets = np.append(np.zeros(51), np.full(50, np.log((len(order) - 50) / 50)))
        kept.append(Choice(choice.features[items], 0, offsets))
    fitted = fit_logit(stacked(kept), 1e-3, [False] * 3)
    assert fitted == pytest.approx(weights, rel=0.12)
    # As if there were no others, the good ones would seem to be rarely chosen.
    alone = [Choice(each.features, 0, np.zeros(101)) for each in kept]
    assert fit_logit(stacked(alone), 1e-3, [False] * 3)[0] < 0.7


def test_choices_of_some_users_are_as_if_they_were_alone() -> None:
    choices = simulated(np.array([1.0, 0.1, -3.0]), 9)
    weights = np.array([0.2, 0.3, 0.4])
    wanted = np.arange(9) % 3 == 1
    few = stacked(choices).users(wanted)
    assert few.log_likelihoods(weights) == pytest.approx(stacked(choices).log_likelihoods(weights)[wanted])
    alone = stacked([choice for choice, here in zip(choices, wanted, strict=True) if here])
    assert few.spreads() == pytest.approx(alone.spreads())
    assert few.only([2]).features[:, 0] == pytest.approx(alone.features[:, 2])


def test_discounts_are_those_of_the_ranks() -> None:
    one = Choice(np.array([[3.0], [2.0], [5.0], [1.0]]), 1, np.zeros(4))
    tie = Choice(np.array([[3.0], [3.0], [0.0]]), 0, np.zeros(3))
    assert stacked([one, tie]).discounts(np.array([1.0])) == pytest.approx([0.5, 1 / np.log2(2.5)])
