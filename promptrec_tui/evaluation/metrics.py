"""The metrics of each kind of answer, each a function of the rows of `Predictions`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from promptrec_tui.evaluation.predictions import Rows

Floats = NDArray[np.float64]
BINS = 15


@dataclass(frozen=True)
class Metric:
    """One figure of a set of predictions; `of` takes their rows [R] and answers NaN where nothing is true."""

    name: str
    higher_is_better: bool
    of: Callable[[Rows], float]

    def better(self, value: float, than: float) -> bool:
        """Whether `value` is strictly better; a NaN is better than nothing."""
        return value > than if self.higher_is_better else value < than


def measured(metrics: Iterable[Metric], rows: Rows) -> dict[str, float]:
    """The value of each metric, by name, in the order of `metrics`."""
    return {metric.name: metric.of(rows) for metric in metrics}


def ranking_metrics(k: int, capped: bool = False) -> tuple[Metric, ...]:
    """`hr@k ndcg@k mrr@k mrr` of the column `rank`, means over its rows.

    With one relevant item HR@k = [rank <= k], NDCG@k = [rank <= k] / log2(1 + rank) (Järvelin & Kekäläinen
    2002; the ideal gain is 1), MRR@k = [rank <= k] / rank and MRR = 1 / rank. A rank of inf gives 0, but for
    MRR, which is NaN then: such ranks were not told apart.
    `capped`: ranks beyond k are not told apart, so there is no MRR over all of them.
    """
    metrics = (
        Metric(f"hr@{k}", True, _mean("rank", partial(_hit, k=k))),
        Metric(f"ndcg@{k}", True, _mean("rank", lambda rank: _hit(rank, k) / np.log2(1 + rank))),
        Metric(f"mrr@{k}", True, _mean("rank", lambda rank: _hit(rank, k) / rank)),
        Metric("mrr", True, _mean("rank", lambda rank: np.where(np.isinf(rank), np.nan, 1 / rank))),
    )
    return metrics[:-1] if capped else metrics


def classification_metrics() -> tuple[Metric, ...]:
    """`accuracy macro_f1 logloss ece` of the columns `label target logprob confidence`."""
    return (
        Metric("accuracy", True, _accuracy),
        Metric("macro_f1", True, macro_f1),
        Metric("logloss", False, _mean("logprob", np.negative)),
        Metric("ece", False, calibration_error),
    )


def _mean(column: str, share: Callable[[Any], Any]) -> Callable[[Rows], float]:
    """The mean of `share(column)` over the rows; NaN for no rows."""

    def of(rows: Rows) -> float:
        values = share(rows[column])
        return float(values.mean()) if values.size else float("nan")

    return of


def _hit(rank: Floats, k: int) -> Floats:
    """1 for a rank up to `k`, else 0; a NaN stays NaN."""
    return np.where(np.isnan(rank), np.nan, rank <= k)


def _accuracy(rows: Rows) -> float:
    right = rows["label"] == rows["target"]
    return float(right.mean()) if right.size else float("nan")


def macro_f1(rows: Rows) -> float:
    """The mean over labels of F1 = 2·TP / (2·TP + FP + FN).

    A label that is neither true nor given is left out. An F1 without a true positive is 0, as in
    scikit-learn's `f1_score(average="macro", zero_division=0)`.
    """
    label, target = rows["label"], rows["target"]
    if not label.size:
        return float("nan")
    count = int(max(label.max(), target.max())) + 1
    hits = np.bincount(target[label == target], minlength=count)
    either = np.bincount(target, minlength=count) + np.bincount(label, minlength=count)
    known = either > 0
    return float((2 * hits[known] / either[known]).mean())


def calibration_error(rows: Rows) -> float:
    """Expected calibration error over 15 equal bins of confidence (Guo et al. 2017, eq. 3).

    The mean over rows of |accuracy - mean confidence| of the bin that the row is in.
    """
    confidence, right = rows["confidence"], rows["label"] == rows["target"]
    if not confidence.size:
        return float("nan")
    if np.isnan(confidence).any():
        return float("nan")
    bins = np.clip((confidence * BINS).astype(np.int64), 0, BINS - 1)
    gaps = np.bincount(bins, right, BINS) - np.bincount(bins, confidence, BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def per_class(rows: Rows, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """`precision recall f1 support` of each label; a share of nothing is 0."""
    table = confusion(rows, len(labels))
    right, given, true = table.diagonal(), table.sum(0), table.sum(1)
    return {
        label: {
            "precision": float(right[index] / max(given[index], 1)),
            "recall": float(right[index] / max(true[index], 1)),
            "f1": float(2 * right[index] / max(given[index] + true[index], 1)),
            "support": int(true[index]),
        }
        for index, label in enumerate(labels)
    }


def confusion(rows: Rows, labels: int) -> NDArray[np.int64]:
    """Cases by truth and answer: [labels, labels], a line per true label."""
    cells = np.bincount(rows["target"] * labels + rows["label"], minlength=labels**2)
    return cells.reshape(labels, labels)


def rank_with_ties(scores: ArrayLike, target: int, exclude: Sequence[int] = ()) -> float:
    """`1 + better + equal/2` of item `target` among `scores` [N] without the items `exclude`.

    That is the expected rank over random orders of the ties. The target itself always counts, even where
    `exclude` names it. A NaN among the scores makes the rank NaN, because nothing true can be said then.
    """
    values = np.asarray(scores, dtype=np.float64)
    rivals = np.ones(len(values), dtype=np.bool_)
    rivals[list(exclude)] = False
    rivals[target] = False
    others = values[rivals]
    if np.isnan(values[target]) or np.isnan(others).any():
        return float("nan")
    return float(1 + (others > values[target]).sum() + (others == values[target]).sum() / 2)
