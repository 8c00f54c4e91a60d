"""Probabilities from scores: the fitted temperature, and how well they fit."""

import numpy as np
import pytest

from promptrec_tui.evaluation.calibration import (
    answered,
    calibration_report,
    fit_temperature,
    log_probabilities,
)

ALONE = np.ones(6, np.int64)


def test_probabilities_are_those_of_distinct_titles() -> None:
    scores = np.log([0.5, 0.3, 0.3, 0.2])  # the second title is that of two items
    logs = log_probabilities(scores, np.array([1, 2, 2, 1]))
    assert np.exp(logs) == pytest.approx([0.5, 0.3, 0.3, 0.2])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_of_simulated_answers_is_recovered(temperature: float) -> None:
    chance = np.random.default_rng(1)
    cases = []
    for _ in range(1500):
        scores = chance.normal(size=6)
        shares = np.exp(log_probabilities(scores, ALONE, temperature))
        cases.append((scores, int(chance.choice(6, p=shares))))
    fitted = fit_temperature(cases, ALONE)
    assert fitted == pytest.approx(temperature, rel=0.2)
    losses = [
        -sum(log_probabilities(scores, ALONE, each)[target] for scores, target in cases)
        for each in (fitted, fitted * 0.9, fitted * 1.1)
    ]
    assert losses[0] == min(losses)


def test_a_temperature_changes_no_order() -> None:
    scores = np.random.default_rng(2).normal(size=6)
    for temperature in (0.1, 1.0, 9.0):
        assert (np.argsort(log_probabilities(scores, ALONE, temperature)) == np.argsort(scores)).all()


def test_broken_scores_fit_nothing() -> None:
    assert fit_temperature([(np.full(6, np.nan), 0)], ALONE) == 1.0


def test_an_answer_leaves_out_what_is_excluded_but_for_the_target() -> None:
    logs = np.log([0.5, 0.25, 0.125, 0.125])
    answer = answered(logs, np.ones(4, np.int64), 3, exclude=[0, 3])
    assert (answer.best, answer.confidence) == (1, pytest.approx(0.25))
    assert answer.logprob == pytest.approx(np.log(0.125))
    assert answer.entropy == pytest.approx(1.75 * np.log(2))


def test_entropy_counts_a_shared_title_once() -> None:
    logs = np.log([0.5, 0.5, 0.5])
    assert answered(logs, np.array([1, 2, 2]), 0).entropy == pytest.approx(np.log(2))


def test_the_report_sets_raw_beside_calibrated() -> None:
    rows = {
        "label": np.array([1, 2]),
        "target": np.array([1, 3]),
        "confidence": np.array([0.5, 0.5]),
        "logprob": np.log([0.5, 0.25]),
        "entropy": np.array([1.0, 2.0]),
        "raw_confidence": np.array([0.9, 0.9]),
        "raw_logprob": np.log([0.9, 0.05]),
    }
    report = calibration_report(rows, 2.0, 7, 4)
    assert report["ece"] == {"raw": pytest.approx(0.4), "calibrated": pytest.approx(0.0)}
    assert report["logloss"]["uniform"] == pytest.approx(np.log(4))
    assert report["entropy"] == 1.5
    assert "temperature 2.00, fitted on 7 validation targets" in report["sentence"]
