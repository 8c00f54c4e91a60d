"""The report of a run: metrics before and after, baselines, and intervals of the gains."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.evaluation.intervals import paired_bootstrap
from promptrec_tui.evaluation.metrics import Metric, measured
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.text import few_cases


def build_report(
    protocol: Mapping[str, Any],
    metrics: Sequence[Metric],
    lead: str,
    before: Predictions | None,
    after: Predictions | None,
    baselines: Mapping[str, Predictions],
    seed: int,
    preview_users: Sequence[str],
    noun: str = "user",
    references: Mapping[str, Predictions] | None = None,
) -> dict[str, Any]:
    """`result/report.json` from the predictions of each model and baseline on the same cases.

    `before` or `after` is None where a run was stopped before that evaluation: its part, and "gain", are
    empty then. `references` are no baselines, but figures to read beside them, such as those of the untuned
    model under another score. The metric `lead` chooses the best baseline. NaN and inf become null.
    "warning" is the sentence of `few_cases`, which are named `noun`.

    Raises ValueError when some predictions are about other cases.
    """
    users = protocol["users"]
    references = references or {}
    sides = {"before": before, "after": after, **baselines, **references}
    for name, predictions in sides.items():
        if predictions is not None and users != len(set(predictions.groups)):
            raise ValueError(f"The predictions of {name} are not those of the protocol's {users} users.")
    report = {
        "protocol": dict(protocol),
        "preview_users": list(preview_users),
        "users": users,
        "warning": few_cases(users, noun),
        "lead": lead,
        "metrics": {
            "before": {} if before is None else measured(metrics, before.rows),
            "after": {} if after is None else measured(metrics, after.rows),
            "baselines": {name: measured(metrics, made.rows) for name, made in baselines.items()},
            "references": {name: measured(metrics, made.rows) for name, made in references.items()},
            "gain": {}
            if after is None or before is None
            else _gains(metrics, lead, after, before, baselines, seed),
        },
        "cases": _cases(sides),
    }
    return {name: _plain(value) for name, value in report.items()}


def best_baseline(baselines: Mapping[str, Predictions], lead: Metric) -> str | None:
    """The baseline of the best `lead`, the first of equals; None when there is none. A NaN is the worst."""

    def goodness(name: str) -> float:
        value = lead.of(baselines[name].rows)
        return -math.inf if math.isnan(value) else value if lead.higher_is_better else -value

    return max(baselines, key=goodness, default=None)


def _gains(
    metrics: Sequence[Metric],
    lead: str,
    after: Predictions,
    before: Predictions,
    baselines: Mapping[str, Predictions],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """The intervals of after minus before, and of after minus the best baseline, for each metric."""

    def differences(other: Predictions) -> dict[str, Any]:
        return {metric.name: asdict(paired_bootstrap(metric, after, other, seed)) for metric in metrics}

    gains: dict[str, dict[str, Any]] = {"before": differences(before)}
    best = best_baseline(baselines, next(metric for metric in metrics if metric.name == lead))
    if best is not None:
        gains["best_baseline"] = {"name": best, **differences(baselines[best])}
    return gains


def with_blend(
    report: Mapping[str, Any],
    metrics: Sequence[Metric],
    blend: Predictions,
    mixture: Predictions,
    seed: int,
) -> dict[str, Any]:
    """A report with the blend, and the mixture, which is a blend without the model, as a baseline.

    `metrics.gain.blend` holds the intervals of the blend minus the best of all others: baselines, the tuned
    model ("tuned") and the mixture. Raises ValueError when the predictions are about other cases.
    """
    cases = report["cases"]
    if list(cases) != list(blend.keys):
        raise ValueError("The blend was judged on other cases than those of the report.")
    measured_sides = next(iter(cases.values())).keys() - {"before", "blend"}
    others = {
        "tuned" if side == "after" else side: side_predictions(cases, side) for side in sorted(measured_sides)
    }
    others["mixture"] = mixture
    lead = next(metric for metric in metrics if metric.name == report["lead"])
    best = best_baseline(others, lead)
    assert best is not None
    gain = {metric.name: asdict(paired_bootstrap(metric, blend, others[best], seed)) for metric in metrics}
    old = report["metrics"]
    added = {
        **old,
        "blend": measured(metrics, blend.rows),
        "baselines": {**old["baselines"], "mixture": measured(metrics, mixture.rows)},
        "gain": {**old["gain"], "blend": {"name": best, **gain}},
    }
    rows = _cases({"blend": blend, "mixture": mixture})
    return {
        **report,
        "metrics": _plain(added),
        "cases": {key: {**case, **_plain(rows[key])} for key, case in cases.items()},
    }


def side_predictions(
    cases: Mapping[str, Mapping[str, Any]], side: str, keys: Sequence[str] | None = None
) -> Predictions:
    """What metrics need of one side of a report's cases: all of them in their order, or those of `keys`.

    A ranking has the column `rank`, a classification `label target logprob confidence`; null is NaN. Each
    case is a group of its own. Raises KeyError, TypeError and ValueError for a report without them.
    """
    keys = tuple(cases if keys is None else keys)
    rows = [cases[key][side] for key in keys]
    if all("rank" in row for row in rows):
        return ranked(keys, _floats(rows, "rank"))
    whole = {name: np.array([int(row[name]) for row in rows], np.int64) for name in ("label", "target")}
    return Predictions(
        keys, keys, {**whole, **{name: _floats(rows, name) for name in ("logprob", "confidence")}}
    )


def _floats(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([math.nan if row[name] is None else float(row[name]) for row in rows], np.float64)


def _cases(sides: Mapping[str, Predictions | None]) -> dict[str, dict[str, Any]]:
    """By case and side, the row of its predictions: `{"u1": {"before": {"rank": 3.0}, …}}`."""
    cases: dict[str, dict[str, Any]] = {}
    for side, predictions in sides.items():
        if predictions is None:
            continue
        columns = {name: column.tolist() for name, column in predictions.rows.items()}
        for index, key in enumerate(predictions.keys):
            row = {name: values[index] for name, values in columns.items()}
            cases.setdefault(key, {})[side] = row
    return cases


def _plain(value: Any) -> Any:
    """`value` with plain floats, and null where JSON has no number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
