import json

import numpy as np
import pytest

from promptrec_tui.evaluation.blend import MODEL, Blend, fit_blends, model_features
from promptrec_tui.evaluation.features import numeric_columns, scorer_feature, top_items
from promptrec_tui.evaluation.logit import Choice

ITEMS = 40
NAMES = (*MODEL, "markov", "item_knn")


def choices(model: float, markov: float, users: int = 300, seed: int = 0) -> list[Choice]:
    """Users who choose by the model after long histories and by markov; item_knn is noise."""
    chance = np.random.default_rng(seed)
    made = []
    for user in range(users):
        logs = np.log(chance.dirichlet(np.full(ITEMS, 0.3)) + 1e-6)
        events = 2 if user % 2 else 90
        others = chance.normal(size=(2, ITEMS))
        trust = model if events == 90 else 0.0
        chosen = int(np.argmax(trust * logs + markov * others[0] + chance.gumbel(size=ITEMS)))
        features = [*model_features(logs, events).values(), *others]
        made.append(Choice(np.stack(features, axis=1), chosen, np.zeros(ITEMS)))
    return made


def test_the_model_is_trusted_where_it_helps() -> None:
    blend, mixture = fit_blends(NAMES, choices(model=1.0, markov=1.0))
    assert blend.chosen == "blend"
    assert blend.trust(20) > 0
    assert blend.trust(90) > 0.6
    assert blend.trust(0) < 0.4
    assert blend.weights["markov"] == pytest.approx(1.0, abs=0.2)
    assert blend.shares["item_knn"] < 0.1
    assert sum(blend.shares.values()) == pytest.approx(1)
    assert mixture.chosen in ("markov", "mixture")
    assert mixture.trust(20) == 0
    assert blend.held_out["blend"] > blend.held_out[mixture.chosen]


def test_a_model_that_only_disturbs_is_left_out() -> None:
    left_out = 0
    for seed in range(6):
        blend, mixture = fit_blends(NAMES, choices(model=0.0, markov=1.0, users=100, seed=seed))
        left_out += blend == mixture
        assert mixture.trust(20) == 0
        assert blend == mixture or blend.held_out["blend"] > blend.held_out[mixture.chosen]
    assert left_out >= 5


def test_one_scorer_alone_may_be_the_best() -> None:
    blend, _ = fit_blends(NAMES, choices(model=0.0, markov=2.0, users=60, seed=4))
    assert set(blend.held_out) == {"markov", "item_knn", "mixture", "model", "blend"}
    assert blend.held_out["markov"] > blend.held_out["item_knn"]


def test_a_model_without_other_scorers_is_a_blend_of_one() -> None:
    made = [Choice(each.features[:, :3], each.chosen, each.offsets) for each in choices(1.0, 0.5)]
    blend, mixture = fit_blends(NAMES[:3], made)
    assert blend.chosen == "blend"
    assert mixture.chosen == "markov"


def test_the_weight_of_the_model_is_never_below_zero() -> None:
    blend, _ = fit_blends(NAMES, choices(model=-1.0, markov=1.0))
    assert all(blend.weights.get(name, 0) >= 0 for name in MODEL)
    assert all(blend.trust(events) >= 0 for events in (0, 1, 10, 10**6))


def test_the_bonus_is_the_weighted_sum_of_the_other_features() -> None:
    blend = Blend(
        {"model_short": 1.0, "model_long": 3.0, "markov": 2.0, "item_knn": 0.0}, {}, {}, "blend", 1, 9
    )
    bonus = blend.bonus({"markov": np.array([1.0, -2.0])}, 2)
    assert bonus.tolist() == [2.0, -4.0]
    assert (blend.trust(0), blend.trust(10), blend.trust(10**9)) == pytest.approx((1, 2, 3))


def test_a_blend_is_plain_json() -> None:
    blend, _ = fit_blends(NAMES, choices(1.0, 1.0, users=40))
    assert json.loads(json.dumps(blend.to_json()))["weights"] == blend.weights


def test_a_scorer_s_feature_is_log_of_its_share_with_a_floor() -> None:
    feature = scorer_feature("markov", np.array([3.0, 1.0, 0.0, -2.0]))
    assert np.exp(feature).sum() == pytest.approx(1)
    assert np.exp(feature[2:]) == pytest.approx([0.05 / 4] * 2)
    assert feature == pytest.approx(scorer_feature("markov", np.array([300.0, 100.0, 0.0, 0.0])))
    assert scorer_feature("markov", np.zeros(4)) == pytest.approx(np.log([0.25] * 4))
    logits = scorer_feature("sasrec", np.array([900.0, 899.0]))
    assert logits == pytest.approx(scorer_feature("markov", np.exp([1.0, 0.0])))


def test_numbers_of_items_are_standardised_and_texts_are_not_numbers() -> None:
    items = [{"price": "10", "title": "1984", "year": "x"}, {"price": "30", "title": "Emma", "year": "1815"}]
    items += [{"price": "20", "title": "Ulysses", "shop": "1"}]
    assert list(numeric_columns(items)) == ["price"]
    assert numeric_columns(items)["price"] == pytest.approx(np.array([-1, 1, 0]) * np.sqrt(1.5))
    many = [{"price": str(index)} for index in range(19)] + [{}]
    assert numeric_columns(many)["price"][19] == 0
    assert numeric_columns([{"price": "5"}, {"price": "5"}]) == {}


def test_candidates_are_the_best_of_each_scorer() -> None:
    features = [np.array([5.0, 4, 3, 2, 1]), np.array([0.0, 0, 0, 1, 2])]
    assert top_items(features, 2, []).tolist() == [0, 1, 3, 4]
    assert top_items(features, 2, [0, 4]).tolist() == [1, 2, 3]
    assert top_items(features, 99, [0]).tolist() == [1, 2, 3, 4]
