"""The report of a run: metrics before and after, baselines, and how sure the gains are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from promptrec_tui.evaluation.intervals import paired_bootstrap
from promptrec_tui.evaluation.metrics import Floats, ranking_metrics, user_metrics
from promptrec_tui.evaluation.protocol import Protocol

FEW_USERS = 30
"""With fewer users the mean of a metric, and its interval, say little."""


def few_users(users: int) -> str:
    """The warning that goes with figures of fewer than `FEW_USERS` users; empty for more."""
    if users >= FEW_USERS:
        return ""
    who = "user" if users == 1 else "users"
    return f"Only {users} test {who}: another draw may tell something else."


def build_report(
    protocol: Protocol,
    keys: Sequence[str],
    before_ranks: ArrayLike,
    after_ranks: ArrayLike | None,
    baseline_ranks: Mapping[str, ArrayLike],
    seed: int,
    preview_users: Sequence[str],
) -> dict[str, Any]:
    """`result/report.json` from the target's rank for each user of `keys`, in that order [U].

    `after_ranks` is None for a run stopped before its last evaluation: "after" and "gain" are empty then. The
    best baseline is the one of the highest NDCG@k. NaN and inf become null. "warning" is the sentence of
    `few_users`.

    Raises ValueError when some ranks are not one a user.
    """
    k = protocol.k
    before = _ranks(before_ranks, keys, "before")
    after = None if after_ranks is None else _ranks(after_ranks, keys, "after")
    baselines = {name: _ranks(ranks, keys, name) for name, ranks in baseline_ranks.items()}
    metrics = {
        "before": ranking_metrics(before, k),
        "after": {} if after is None else ranking_metrics(after, k),
        "baselines": {name: ranking_metrics(ranks, k) for name, ranks in baselines.items()},
        "gain": {} if after is None else _gains(after, before, baselines, k, seed),
    }
    ranks = {
        key: {
            "before": before[row],
            "after": None if after is None else after[row],
            "baselines": {name: values[row] for name, values in baselines.items()},
        }
        for row, key in enumerate(keys)
    }
    report = {
        "protocol": protocol.to_json(),
        "preview_users": list(preview_users),
        "users": len(keys),
        "warning": few_users(len(keys)),
        "metrics": metrics,
        "ranks": ranks,
    }
    return {name: _plain(value) for name, value in report.items()}


def best_baseline(baseline_ranks: Mapping[str, ArrayLike], k: int) -> str | None:
    """The baseline of the highest NDCG@k, the first of equals; None when there is none."""
    return max(baseline_ranks, key=lambda name: _ndcg(baseline_ranks[name], k), default=None)


def _ndcg(ranks: ArrayLike, k: int) -> float:
    value = ranking_metrics(ranks, k)[f"ndcg@{k}"]
    return -math.inf if math.isnan(value) else value


def _ranks(ranks: ArrayLike, keys: Sequence[str], name: str) -> Floats:
    values = np.asarray(ranks, dtype=np.float64)
    if values.shape != (len(keys),):
        raise ValueError(
            f"The ranks of {name} have the shape {values.shape}, not one for each of {len(keys)} users."
        )
    return values


def _gains(
    after: Floats, before: Floats, baselines: Mapping[str, Floats], k: int, seed: int
) -> dict[str, dict[str, Any]]:
    """The intervals of after minus before, and of after minus the best baseline, for each metric."""
    gains: dict[str, dict[str, Any]] = {"before": _differences(after, before, k, seed)}
    best = best_baseline(baselines, k)
    if best is not None:
        gains["best_baseline"] = {"name": best, **_differences(after, baselines[best], k, seed)}
    return gains


def _differences(after: Floats, other: Floats, k: int, seed: int) -> dict[str, Any]:
    ours, theirs = user_metrics(after, k), user_metrics(other, k)
    return {name: asdict(paired_bootstrap(ours[name], theirs[name], seed)) for name in ours}


def _plain(value: Any) -> Any:
    """`value` with plain floats, and null where JSON has no number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
