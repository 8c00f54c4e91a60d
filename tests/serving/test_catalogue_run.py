"""A run that is trained and scored over its catalogue, from the settings to a recommendation."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.serving.loading import load
from promptrec_tui.serving.messages import Ranking, Scores, TopK
from promptrec_tui.serving.scorer import answer

LEARNS = {"train__max_steps": 12, "train__learning_rate": 0.003}


def test_such_a_run_learns_reports_its_score_and_recommends(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    folder = new_run(train__loss="catalogue", evaluation__score="catalogue", **LEARNS)
    assert tune(folder).state == State.DONE
    losses = {
        event["step"]: event["values"]["validation_loss"]
        for event in events(folder, "metric")
        if "validation_loss" in event["values"]
    }
    assert losses[12] < losses[0] < 3 * math.log(40), "in nats of one choice among 40 titles"
    report = json.loads(folder.report.read_text())
    assert report["protocol"]["score"] == "catalogue"
    card = (folder.adapter / "README.md").read_text()
    assert "over the titles of the catalogue alone, temperature 1" in card
    assert "score catalogue" in card

    untuned = report["metrics"]["references"]["untuned_sum"]
    assert untuned["mrr"] is None
    assert 0 <= untuned["ndcg@10"] <= 1
    calibration = report["calibration"]
    assert calibration["logloss"]["calibrated"] < math.log(40), "better than knowing nothing"
    assert calibration["sentence"] in card
    row = next(iter(report["cases"].values()))["after"]
    assert math.exp(row["logprob"]) <= 1
    assert row["entropy"] <= math.log(40)

    loaded = load(folder, "cpu")
    everything = answer(loaded, Scores(("i1", "i2", "i3")))
    best = answer(loaded, TopK(("i1", "i2", "i3"), k=5))
    assert isinstance(everything, Ranking)
    assert isinstance(best, Ranking)
    logs = {item.key: item.logprob for item in everything.items if item.logprob is not None}
    for item in best.items:
        assert item.logprob == pytest.approx(logs[item.key], abs=1e-4)
    ahead = sorted((logs[key] for key in logs if key not in ("i1", "i2", "i3")), reverse=True)
    shares = [item.probability for item in everything.items]
    assert sum(share for share in shares if share is not None) < 1, "seen items keep their share"
    shown = [item.probability for item in best.items]
    ratios = [math.log(share / shown[0]) for share in shown]
    steps = [(item.logprob - best.items[0].logprob) / calibration["temperature"] for item in best.items]
    assert ratios == pytest.approx(steps, abs=1e-3), "a softmax of the scores at the fitted temperature"
    assert best.nodes > 0
    assert [item.logprob for item in best.items] == pytest.approx(ahead[:5], abs=1e-4)
