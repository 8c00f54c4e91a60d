"""The data for the list of runs and for the screen of one run, each read in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptrec_tui.store import curves as curve_store
from promptrec_tui.store import runs as store
from promptrec_tui.store.curves import CurveRange as CurveRange
from promptrec_tui.store.curves import Moment as Moment
from promptrec_tui.store.series import metric_series
from promptrec_tui.workspace.checklist import Left, Step
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.runs import (
    PreviewRow,
    RunRow,
    case_noun,
    find_run,
    leading_metrics,
    list_runs,
    refresh,
)

Points = list[tuple[int, float | None]]
"""(step, value); None where the value was not a number."""

WEAKEST = 5
"""The number of labels that are listed; `run show --json` has all."""


@dataclass(frozen=True)
class WeakLabel:
    """The test figures of a label, and how many test texts have it."""

    label: str
    f1: float
    precision: float
    recall: float
    support: int


@dataclass(frozen=True)
class RunView:
    """All that the screen of one run shows."""

    row: RunRow
    leading: tuple[str, str]
    """The two metrics that are shown, the leading one first."""
    noun: str
    """The noun of a case, such as user or text."""
    monitor_users: int
    """The number of cases of the validation curves."""
    users: int | None
    """The number of cases of the test; None before it."""
    curves: dict[str, Points]
    moments: tuple[Moment, ...]
    """Times and epochs of steps, a few hundred; empty for runs of earlier versions."""
    checkpoints: tuple[int, ...]
    """The steps of all checkpoints that were saved; empty for runs of earlier versions."""
    baselines: dict[str, dict[str, float | None]]
    """The validation metrics of each baseline, by its name."""
    previews: tuple[PreviewRow, ...]
    metrics: dict[str, Any]
    protocol: Mapping[str, Any]
    """How the test figures were measured; empty before the test."""
    shares: Mapping[str, float]
    """Each feature's share of the decision of the run's blend; empty without one."""
    weakest: tuple[WeakLabel, ...]
    """The labels of a classifier that have the lowest F1."""
    steps: tuple[Step, ...]
    """The phases of the last attempt; empty for runs of earlier versions."""
    left: Left | None
    """How long it still takes, where that is known."""
    computing: str
    """Device, precision and attention kernel of the last attempt; empty before its model is loaded."""
    warnings: tuple[str, ...]
    log_tail: tuple[str, ...]
    """The last lines of a failed run's log."""
    survives_logout: str
    """The answer and the reason in one sentence."""


def refreshed_runs(workspace: Workspace) -> list[RunRow]:
    """All runs, newest first, after the catalogue has read what is new in their folders."""
    refresh(workspace)
    return list_runs(workspace)


def weakest_labels(document: Mapping[str, Any]) -> tuple[WeakLabel, ...]:
    """The `WEAKEST` labels with the lowest F1 in a `run show` document; none if it is not a classifier's."""
    labels = [WeakLabel(label=label, **figures) for label, figures in document.get("per_class", {}).items()]
    return tuple(sorted(labels, key=lambda label: (label.f1, -label.support))[:WEAKEST])


def run_view(workspace: Workspace, run: str, points: int = 400) -> RunView:
    """One run with its curves (at most `points` points each), validation baselines, previews and result."""
    document = run_document(workspace, run)
    evaluations = run_evaluations(workspace, run)
    evaluation = document["spec"]["settings"]["evaluation"]
    task = document["spec"]["task"]
    leading = leading_metrics(task, evaluation["k"])
    survives = document["survives_logout"]
    names = ("train_loss", "validation_loss", *leading, "learning_rate", "targets_per_second")
    row = find_run(workspace, run)
    return RunView(
        row=row,
        leading=leading,
        noun=case_noun(task),
        # The actual number: a small dataset has fewer users than the settings request.
        monitor_users=next(
            (entry.users for entry in evaluations if entry.stage == "validation"),
            evaluation["monitor_users"],
        ),
        users=document["users"],
        curves=curves(workspace, run, names, points),
        moments=tuple(curve_store.moments(workspace.catalogue, row.id)),
        checkpoints=tuple(curve_store.checkpoint_steps(workspace.catalogue, row.id)),
        baselines={
            entry.name: entry.metrics
            for entry in evaluations
            if entry.stage == "validation" and entry.name not in ("tuned", "untuned")
        },
        previews=tuple(run_previews(workspace, run)),
        metrics=document["metrics"],
        protocol=document["protocol"] or {},
        shares=(document["blend"] or {}).get("shares", {}),
        weakest=weakest_labels(document),
        steps=tuple(Step(**step) for step in document["phases"]),
        left=_left(document),
        computing=_computing_text(document["computing"]),
        warnings=tuple(document["warnings"]),
        log_tail=tuple(document["log_tail"]),
        survives_logout=f"survives logout: {survives['answer']}. {survives['why']}",
    )


def _left(document: Mapping[str, Any]) -> Left | None:
    seconds, what = document["seconds_left"], document["until_end_of"]
    return None if seconds is None else Left(seconds, "" if what == "run" else what)


def _computing_text(computing: dict[str, str] | None) -> str:
    return "computes on {device}, {precision}, {attention} attention".format(**computing) if computing else ""


def curves(
    workspace: Workspace, run: str, names: Sequence[str], max_points: int = 400
) -> dict[str, list[tuple[int, float | None]]]:
    """The (step, value) points of each named metric; None where it was not a number."""
    return metric_series(workspace.catalogue, find_run(workspace, run).id, names, max_points)


def curve_range(
    workspace: Workspace,
    run: str,
    names: Sequence[str],
    window: tuple[float, float] | None = None,
    weight: float = 0.0,
    max_points: int = 400,
) -> CurveRange:
    """The points of each named metric from the first to the last step of `window`, smooth ones too."""
    run_id = find_run(workspace, run).id
    return curve_store.curve_range(workspace.catalogue, run_id, names, window, weight, max_points)


def run_previews(workspace: Workspace, run: str) -> list[PreviewRow]:
    """The recommendations to the pinned users before training, and the latest ones."""
    return store.previews(workspace.catalogue, find_run(workspace, run).id)


def run_evaluations(workspace: Workspace, run: str) -> list[store.EvaluationRow]:
    """Every evaluation of a run: the untuned and tuned model and the baselines."""
    return store.evaluations(workspace.catalogue, find_run(workspace, run).id)
