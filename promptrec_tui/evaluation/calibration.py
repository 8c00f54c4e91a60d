"""Probabilities of items from the scores of a model, the temperature that fits them to the truth, and how
well they fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from promptrec_tui.evaluation.metrics import calibration_error
from promptrec_tui.evaluation.predictions import Rows

Floats = NDArray[np.float64]

SHARPEST, FLATTEST = 0.05, 20.0
"""The temperatures that a fit may choose."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A case as probabilities see it: log P of the `target`, the `best` allowed item and its P as
    `confidence`, and the entropy of the whole distribution in nats."""

    logprob: float
    best: int
    confidence: float
    entropy: float


def log_probabilities(scores: Floats, copies: NDArray[np.integer[Any]], temperature: float = 1.0) -> Floats:
    """log P of each item [N], a softmax of `scores` / `temperature` over the distinct titles.

    `copies` [N]: how many items have the title of each item. They share its probability, which counts once.
    A temperature changes no order.
    """
    scaled = scores / temperature
    logs: Floats = scaled - logsumexp(scaled, b=1.0 / copies)
    return logs


def fit_temperature(cases: Sequence[tuple[Floats, int]], copies: NDArray[np.integer[Any]]) -> float:
    """The temperature under which the targets of `cases` (scores [N], target) are most likely.

    Temperature scaling of Guo et al. (2017). The loss is convex in the inverse temperature, which is searched
    between `1 / FLATTEST` and `1 / SHARPEST`. Returns 1 where there is no case with finite scores.
    """
    finite = [(scores, target) for scores, target in cases if np.isfinite(scores).all()]
    if not finite:
        return 1.0

    def loss(inverse: float) -> float:
        logs = [log_probabilities(scores, copies, 1 / inverse)[target] for scores, target in finite]
        return -float(np.sum(logs))

    fit: Any = minimize_scalar(loss, bounds=(1 / FLATTEST, 1 / SHARPEST), method="bounded")
    return float(1 / fit.x)


def answered(
    logs: Floats, copies: NDArray[np.integer[Any]], target: int, exclude: Sequence[int] = ()
) -> Answer:
    """The answer that log P of all items [N] is to a case whose best item must not be one of `exclude`."""
    allowed = logs.copy()
    allowed[[item for item in exclude if item != target]] = -np.inf
    best = int(allowed.argmax())
    shares = np.exp(logs) / copies
    return Answer(
        logprob=float(logs[target]),
        best=best,
        confidence=float(np.exp(logs[best])),
        entropy=float(-(shares * np.where(shares > 0, logs, 0.0)).sum()),
    )


def calibration_report(rows: Rows, temperature: float, fitted: int, titles: int) -> dict[str, Any]:
    """The report's "calibration", with a sentence for a person.

    `rows` as `Predictions` describes them, the columns with `raw_` at temperature 1; the temperature was
    `fitted` on so many validation cases, and there are so many distinct `titles`.
    """
    raw = {**rows, "confidence": rows["raw_confidence"]}
    errors = {"raw": calibration_error(raw), "calibrated": calibration_error(rows)}
    losses = {
        "raw": float(-rows["raw_logprob"].mean()),
        "calibrated": float(-rows["logprob"].mean()),
        "uniform": float(np.log(titles)),
    }
    entropy = float(rows["entropy"].mean())
    return {
        "temperature": temperature,
        "fitted_on": fitted,
        "ece": errors,
        "logloss": losses,
        "entropy": entropy,
        "sentence": (
            f"Probabilities: temperature {temperature:.2f}, fitted on {fitted} validation targets; "
            f"calibration error {errors['raw']:.3f} raw, {errors['calibrated']:.3f} calibrated; log loss "
            f"{losses['raw']:.2f} raw, {losses['calibrated']:.2f} calibrated, {losses['uniform']:.2f} "
            f"uniform; entropy {entropy:.2f} nats."
        ),
    }
