"""The document of a run: all that `run show --json` says about it."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.attempts import Computing, Started, Verdict
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.damage import damage
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.logout import run_survival
from promptrec_tui.runs.logs import last_lines
from promptrec_tui.runs.report import Weights, read_report
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import State
from promptrec_tui.store import runs as store
from promptrec_tui.store.phases import phases_of
from promptrec_tui.store.runs import RunRow
from promptrec_tui.tasks.defaults import leading_metrics
from promptrec_tui.typed import read
from promptrec_tui.workspace.checklist import Left, Step, checklist, time_left
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import find_run
from promptrec_tui.workspace.time_left import RECENT, seconds_left

LOG_LINES = 20
"""Number of log lines in the document of a failed run."""


def run_document(workspace: Workspace, run: str) -> dict[str, Any]:
    """The `run show` document: spec, state, paths and metrics of a run."""
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    spec = folder.spec()
    report = read_report(folder)
    steps, left = steps_left(workspace, row, spec)
    metrics: dict[str, Any] = dict.fromkeys(("before", "after", "blend", "gain")) | {"baselines": {}}
    metrics |= report.get("metrics", {})
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "stalled": row.stalled,
        "reason": row.reason,
        "tags": list(row.tags),
        "note": row.note,
        "pinned": row.pinned,
        "archived": row.archived,
        "queue": asdict(row.queue) if row.queue else None,
        "survives_logout": asdict(run_survival(folder)),
        "computing": _document(Computing, folder.attempt(folder.last_attempt).computing),
        "phase": row.phase,
        "phase_done": row.phase_done,
        "phase_total": row.phase_total,
        "step": row.step,
        "total_steps": row.total_steps,
        "training_seconds_left": _seconds_left(workspace, row, spec),
        "seconds_left": left.seconds if left else None,
        "until_end_of": (left.what or "run") if left else None,
        "phases": [asdict(step) for step in steps],
        "best_step": row.best_step,
        "validation": _validation(workspace, row, spec),
        "spec": json.loads(spec.model_dump_json()),
        "attempts": [_attempt(folder, number) for number in folder.attempts()],
        "paths": {
            "folder": str(folder.path),
            "adapter": str(folder.adapter),
            "base_model": _base_model(folder),
            "log": str(folder.log),
        },
        "protocol": report.get("protocol"),
        "preview_users": report.get("preview_users", []),
        "users": report.get("users"),
        "noise": report.get("noise"),
        "calibration": report.get("calibration"),
        "metrics": metrics,
        "blend": _document(Weights, folder.blend),
        **{name: report[name] for name in ("per_class", "confusion") if name in report},
        "warnings": [*damage(folder), *store.warnings(workspace.catalogue, row.id)],
        "log_tail": last_lines(folder.log, LOG_LINES) if row.state == State.FAILED else [],
    }


def steps_left(workspace: Workspace, row: RunRow, spec: RunSpec) -> tuple[tuple[Step, ...], Left | None]:
    """The phases of a run's last attempt, and how long the run still takes, where that is known."""
    phases = phases_of(workspace.catalogue, row.id, row.attempt)
    steps = checklist(spec, row, phases, _seconds_left(workspace, row, spec), time.time())
    return steps, None if row.stalled else time_left(steps)


def _seconds_left(workspace: Workspace, row: RunRow, spec: RunSpec) -> float | None:
    """Of the training of a run at work; None when its speed is not known yet."""
    if row.state != State.RUNNING or row.stalled:
        return None
    speeds = store.recent_values(workspace.catalogue, row.id, "targets_per_second", RECENT)
    return seconds_left(row.step, row.total_steps, spec.settings.train.batch_size, speeds)


def _validation(workspace: Workspace, row: RunRow, spec: RunSpec) -> dict[str, Any]:
    """The best and the last value of the leading metric on validation, of how many cases; None before."""
    evaluations = (
        each for each in store.evaluations(workspace.catalogue, row.id) if each.stage == "validation"
    )
    users = next((each.users for each in evaluations), None)
    lead, _ = leading_metrics(spec.task, spec.settings.evaluation.k)
    metric = row.best_metric or lead
    last = next(iter(store.recent_values(workspace.catalogue, row.id, metric, 1)), None)
    return {"metric": metric, "best": row.best_value, "last": last, "users": users}


def _base_model(folder: RunFolder) -> str:
    """The folder of a run's base model; its former folder when it is missing."""
    try:
        return placed_spec(folder).model.folder
    except UserError:
        return folder.spec().model.folder


def _attempt(folder: RunFolder, number: int) -> dict[str, Any]:
    """The files of an attempt; null for a missing one, or one that `damage` reports."""
    attempt = folder.attempt(number)
    return {
        "attempt": number,
        "started": _document(Started, attempt.started),
        "exit": _document(Verdict, attempt.exit),
    }


def _document(kind: type[Any], path: Path) -> dict[str, Any] | None:
    record = read(kind, path)
    return asdict(record) if record else None
