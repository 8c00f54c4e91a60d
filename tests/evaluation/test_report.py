import json
import math
from dataclasses import replace

import numpy as np
import pytest

from promptrec_tui.evaluation.protocol import Protocol
from promptrec_tui.evaluation.report import best_baseline, build_report

PROTOCOL = Protocol("leave_one_out", "line", 700, "removed", "sum", 10, None, 4, 50, "test")
KEYS = ["007", "a", "b", "c"]
BEFORE = np.array([300.0, 12.0, 40.0, 8.0])
AFTER = np.array([3.0, 1.0, 2.0, 9.0])
BASELINES = {"popularity": np.array([20.0, 30.0, 40.0, 50.0]), "markov": np.array([1.0, 30.0, 5.0, 90.0])}


def test_the_report_has_every_number() -> None:
    report = build_report(PROTOCOL, KEYS, BEFORE, AFTER, BASELINES, seed=1, preview_users=["a"])
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
    assert report["ranks"]["007"] == {
        "before": 300,
        "after": 3,
        "baselines": {"popularity": 20, "markov": 1},
    }
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_swapped_ranks_change_the_sign_of_the_gain() -> None:
    forth = build_report(PROTOCOL, KEYS, BEFORE, AFTER, {}, seed=1, preview_users=[])
    back = build_report(PROTOCOL, KEYS, AFTER, BEFORE, {}, seed=1, preview_users=[])
    value = forth["metrics"]["gain"]["before"]["mrr"]["value"]
    assert value > 0
    assert back["metrics"]["gain"]["before"]["mrr"]["value"] == -value
    assert "best_baseline" not in forth["metrics"]["gain"]


def test_a_run_stopped_before_its_end_has_no_gain() -> None:
    report = build_report(PROTOCOL, KEYS, BEFORE, None, BASELINES, seed=1, preview_users=[])
    assert report["metrics"]["after"] == {}
    assert report["metrics"]["gain"] == {}
    assert report["metrics"]["before"]["mrr"] > 0
    assert report["ranks"]["a"]["after"] is None


def test_what_is_no_number_becomes_null() -> None:
    ranks = np.array([math.nan, math.inf, 1.0, 2.0])
    report = build_report(PROTOCOL, KEYS, ranks, AFTER, {}, seed=1, preview_users=[])
    assert report["metrics"]["before"]["mrr"] is None
    assert report["ranks"]["007"]["before"] is None
    assert report["ranks"]["a"]["before"] is None
    json.dumps(report, allow_nan=False)


def test_k_names_the_metrics() -> None:
    report = build_report(replace(PROTOCOL, k=2), KEYS, BEFORE, AFTER, BASELINES, seed=1, preview_users=[])
    assert report["metrics"]["after"]["hr@2"] == 0.5


def test_the_best_baseline_has_the_highest_ndcg() -> None:
    ranks = {
        "one hit at 10": np.array([10.0, 99.0]),
        "one at 1": np.array([1.0, 99.0]),
        "nan": np.array([math.nan]),
    }
    assert best_baseline(ranks, 10) == "one at 1"
    assert best_baseline({}, 10) is None


def test_ranks_of_other_users_are_refused() -> None:
    with pytest.raises(ValueError, match="markov"):
        build_report(PROTOCOL, KEYS, BEFORE, AFTER, {"markov": np.array([1.0])}, seed=1, preview_users=[])


@pytest.mark.parametrize(("users", "said"), [(1, "Only 1 test user:"), (29, "Only 29 test users:"), (30, "")])
def test_few_users_are_warned_of(users: int, said: str) -> None:
    ranks, keys = np.ones(users), [str(number) for number in range(users)]
    report = build_report(PROTOCOL, keys, ranks, ranks, {}, seed=1, preview_users=[])
    assert report["warning"].startswith(said)
    assert bool(report["warning"]) == bool(said)
