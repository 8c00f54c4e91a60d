import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from promptrec_tui.evaluation.metrics import classification_metrics, ranking_metrics
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.evaluation.protocol import Protocol
from promptrec_tui.evaluation.report import best_baseline, build_report, with_blend

PROTOCOL = Protocol("leave_one_out", "line", 700, "removed", "sum", 10, None, 4, 50, "test")
KEYS = ("007", "a", "b", "c")
BEFORE = ranked(KEYS, [300.0, 12.0, 40.0, 8.0])
AFTER = ranked(KEYS, [3.0, 1.0, 2.0, 9.0])
BASELINES = {
    "popularity": ranked(KEYS, [20.0, 30.0, 40.0, 50.0]),
    "markov": ranked(KEYS, [1.0, 30.0, 5.0, 90.0]),
}


def report_of(
    before: Predictions | None,
    after: Predictions | None,
    baselines: Mapping[str, Predictions],
    protocol: Protocol = PROTOCOL,
    preview_users: Sequence[str] = (),
) -> dict[str, Any]:
    k = protocol.k
    return build_report(
        protocol.to_json(),
        ranking_metrics(k),
        f"ndcg@{k}",
        before,
        after,
        baselines,
        seed=1,
        preview_users=preview_users,
    )


def test_the_report_has_every_number() -> None:
    report = report_of(BEFORE, AFTER, BASELINES, preview_users=["a"])
    assert report["users"] == 4
    assert report["preview_users"] == ["a"]
    assert report["protocol"]["catalogue"] == 700
    metrics = report["metrics"]
    assert metrics["before"]["hr@10"] == 0.25
    assert metrics["after"]["hr@10"] == 1
    assert set(metrics["baselines"]) == {"popularity", "markov"}
    names = {"hr@10", "ndcg@10", "mrr@10", "mrr"}
    assert set(metrics["after"]) == names
    gain = metrics["gain"]["before"]
    assert set(gain) == names
    assert gain["hr@10"]["value"] == 0.75
    assert gain["ndcg@10"]["low"] <= gain["ndcg@10"]["value"] <= gain["ndcg@10"]["high"]
    assert metrics["gain"]["best_baseline"]["name"] == "markov"
    assert metrics["gain"]["best_baseline"]["hr@10"]["value"] == 0.5
    assert report["cases"]["007"] == {
        "before": {"rank": 300},
        "after": {"rank": 3},
        "popularity": {"rank": 20},
        "markov": {"rank": 1},
    }
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_swapped_ranks_change_the_sign_of_the_gain() -> None:
    forth = report_of(BEFORE, AFTER, {})
    back = report_of(AFTER, BEFORE, {})
    value = forth["metrics"]["gain"]["before"]["mrr"]["value"]
    assert value > 0
    assert back["metrics"]["gain"]["before"]["mrr"]["value"] == -value
    assert "best_baseline" not in forth["metrics"]["gain"]


def test_a_run_stopped_before_its_end_has_no_gain() -> None:
    report = report_of(BEFORE, None, BASELINES)
    assert report["metrics"]["after"] == {}
    assert report["metrics"]["gain"] == {}
    assert report["metrics"]["before"]["mrr"] > 0
    assert "after" not in report["cases"]["a"]


def test_what_is_no_number_becomes_null() -> None:
    report = report_of(ranked(KEYS, [math.nan, math.inf, 1.0, 2.0]), AFTER, {})
    assert report["metrics"]["before"]["mrr"] is None
    assert report["cases"]["007"]["before"]["rank"] is None
    assert report["cases"]["a"]["before"]["rank"] is None
    json.dumps(report, allow_nan=False)


def test_k_names_the_metrics() -> None:
    report = report_of(BEFORE, AFTER, BASELINES, replace(PROTOCOL, k=2))
    assert report["metrics"]["after"]["hr@2"] == 0.5


def test_a_run_without_the_untuned_figures_has_no_gain() -> None:
    metrics = report_of(None, AFTER, BASELINES)["metrics"]
    assert metrics["before"] == metrics["gain"] == {}
    assert metrics["after"]["hr@10"] == 1


def test_the_best_baseline_leads_in_the_metric_that_leads() -> None:
    keys = ("a", "b")
    made = {
        "one hit at 10": ranked(keys, [10.0, 99.0]),
        "one at 1": ranked(keys, [1.0, 99.0]),
        "nan": ranked(keys, [math.nan, 1.0]),
    }
    ndcg = ranking_metrics(10)[1]
    assert best_baseline(made, ndcg) == "one at 1"
    assert best_baseline(made, replace(ndcg, higher_is_better=False)) == "one hit at 10"
    assert best_baseline({}, ndcg) is None


def test_predictions_of_other_users_are_refused() -> None:
    with pytest.raises(ValueError, match="markov"):
        report_of(BEFORE, AFTER, {"markov": ranked(("007",), [1.0])})
    with pytest.raises(ValueError, match="same cases"):
        report_of(BEFORE, ranked(("007", "a", "b", "d"), [3.0, 1.0, 2.0, 9.0]), {})


def test_every_metric_of_a_classifier_has_an_interval() -> None:
    keys = tuple(str(number) for number in range(40))
    target = np.arange(40) % 4
    wrong = Predictions(
        keys,
        keys,
        {"target": target, "label": 0 * target, "logprob": np.full(40, -2.0), "confidence": np.full(40, 0.5)},
    )
    right = Predictions(keys, keys, {**wrong.rows, "label": target, "logprob": np.full(40, -0.1)})
    protocol = replace(PROTOCOL, users=40)
    report = build_report(
        protocol.to_json(), classification_metrics(), "macro_f1", wrong, right, {"majority": wrong}, 1, []
    )
    gain = report["metrics"]["gain"]["before"]
    assert set(gain) == {"accuracy", "macro_f1", "logloss", "ece"}
    assert gain["macro_f1"]["low"] > 0
    assert gain["logloss"]["high"] < 0
    assert report["metrics"]["after"]["accuracy"] == 1
    assert report["cases"]["7"]["after"] == {"target": 3, "label": 3, "logprob": -0.1, "confidence": 0.5}


@pytest.mark.parametrize(("users", "said"), [(1, "Only 1 test user:"), (29, "Only 29 test users:"), (30, "")])
def test_few_users_are_warned_of(users: int, said: str) -> None:
    made = ranked(tuple(str(number) for number in range(users)), np.ones(users))
    report = report_of(made, made, {}, replace(PROTOCOL, users=users))
    assert report["warning"].startswith(said)
    assert bool(report["warning"]) == bool(said)


def test_a_blend_is_compared_with_the_best_of_all_others() -> None:
    blend, mixture = ranked(KEYS, [1.0, 1.0, 1.0, 30.0]), ranked(KEYS, [2.0, 20.0, 20.0, 20.0])
    report = report_of(BEFORE, AFTER, BASELINES)
    report["cases"]["007"]["markov"]["rank"] = None
    metrics = ranking_metrics(10)
    both = with_blend(report, metrics, blend, mixture, seed=1)
    assert both["metrics"]["blend"]["hr@10"] == 0.75
    assert list(both["metrics"]["baselines"]) == ["popularity", "markov", "mixture"]
    gain = both["metrics"]["gain"]["blend"]
    assert gain["name"] == "tuned"
    assert gain["hr@10"]["value"] == -0.25
    assert gain["mrr"]["low"] <= gain["mrr"]["value"] <= gain["mrr"]["high"]
    assert both["metrics"]["gain"]["best_baseline"] == report["metrics"]["gain"]["best_baseline"]
    assert both["cases"]["a"]["blend"] == {"rank": 1}
    assert both["cases"]["a"]["after"] == {"rank": 1}
    assert json.loads(json.dumps(both, allow_nan=False)) == both
    with pytest.raises(ValueError, match="other cases"):
        with_blend(report, metrics, ranked(("x",), [1.0]), mixture, seed=1)
