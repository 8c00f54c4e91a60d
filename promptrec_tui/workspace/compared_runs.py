"""Runs as a comparison reads them: the spec, and what it needs of the report where there is one."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.evaluation.report import side_predictions
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import read_report
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import RESUMABLE, State
from promptrec_tui.text import clean
from promptrec_tui.workspace.differences import template_text
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import find_run

NO_FIGURES = "has no test figures"

BLENDS = ("blend", "mixture")
"""The sides of a report besides the model: of model and baselines together, and of the baselines alone."""


@dataclass(frozen=True)
class ComparedRun:
    """One run; `protocol` and `answers` are empty before it is measured, and where its report is damaged."""

    folder: RunFolder
    name: str
    """Its name, or its id where another one of the runs has the same name."""
    state: State
    spec: RunSpec
    best_step: int | None = None
    """The step of the adapter that was best on validation, and is measured; None where it is the last one."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """The conditions of its figures."""
    answers: Mapping[str, Predictions] = field(default_factory=dict)
    """Of its test cases, by the side of the report: "after", or what was asked for, and `BLENDS`."""

    @property
    def id(self) -> str:
        return self.folder.id

    @property
    def seed(self) -> int:
        return self.spec.settings.train.seed

    @property
    def without_seed(self) -> str:
        """What the run is but for its name, its seed and where it was made: equal for repetitions."""
        settings = self.spec.settings.model_dump(mode="json")
        settings["train"]["seed"] = None
        parts = [
            self.spec.task,
            self.spec.dataset.sha256,
            self.spec.template.sha256,
            self.spec.model.sha256,
            self.spec.parent.sha256 if self.spec.parent else None,
            settings,
        ]
        return json.dumps(parts, sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "task": self.spec.task,
            "dataset": self.spec.dataset.name,
            "template": template_text(self.spec),
            "model": self.spec.model.name,
            "seed": self.seed,
            "protocol": self.protocol or None,
        }


def load_runs(workspace: Workspace, runs: Sequence[str], side: str = "") -> list[ComparedRun]:
    """Some runs, given by name or id; with their answers on a `side` of the report if one is named.

    Of a report nothing else is kept: with its baselines it takes a hundred times the memory.

    Raises UserError for fewer than two different ones, an unknown one, and one whose `run.json` is damaged;
    and with a `side` for a run that was not measured on it.
    """
    rows = [find_run(workspace, run) for run in runs]
    ids, names = [row.id for row in rows], [row.name for row in rows]
    if twice := next((row for row in rows if ids.count(row.id) > 1), None):
        raise UserError(f"Run {clean(twice.name)!r} is named twice: compare different runs.")
    if len(rows) < 2:
        raise UserError("One run alone cannot be compared: name two runs or more.")
    loaded = []
    for row in rows:
        folder = RunFolder(workspace.home.runs / row.id)
        name = row.name if names.count(row.name) == 1 else row.id
        run = ComparedRun(folder, name, row.state, folder.spec(), row.best_step)
        report = read_report(folder)
        answers = _answers(run, report, side) if side else {}
        loaded.append(replace(run, protocol=report.get("protocol") or {}, answers=answers))
    return loaded


def _answers(run: ComparedRun, report: Mapping[str, Any], side: str) -> dict[str, Predictions]:
    """The answers of a run on `side` ("after" or "blend") and on those of `BLENDS` that it has.

    Raises UserError, with what to do, when it was not measured on that side.
    """
    name, quoted = clean(run.name), shlex.quote(clean(run.name))
    if not report:
        if run.folder.report.exists():
            raise UserError(
                f"{run.folder.report} is damaged: take {run.folder.result} from a backup, or fork the run."
            )
        raise UserError(f"Run {name!r} {NO_FIGURES}: {_advice(run, quoted)}")
    cases = report.get("cases")
    if not isinstance(cases, Mapping) or not cases:
        raise UserError(
            f'The report of run {name!r} does not have the rank of each user: "promptrec run fork {quoted}" '
            "measures a run like it."
        )
    sides = next(iter(cases.values()))
    if not isinstance(sides, Mapping) or side not in sides:
        if side == "blend":
            raise UserError(f'Run {name!r} has no blend: fit one with "promptrec blend fit {quoted}".')
        raise UserError(f"Run {name!r} {NO_FIGURES} of its adapter: {_advice(run, quoted)}")
    try:
        answers = {each: side_predictions(cases, each) for each in (side, *BLENDS) if each in sides}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        answers = {}
    ranks = run.spec.task != "classify"
    if not answers or any(("rank" in each.rows) != ranks for each in answers.values()):
        raise UserError(
            f"The cases in {run.folder.report} are damaged: take {run.folder.result} from a backup, or fork "
            "the run."
        )
    return answers


def _advice(run: ComparedRun, quoted: str) -> str:
    if run.state in RESUMABLE:
        return f'"promptrec run resume {quoted} --evaluate" measures its adapter.'
    if run.state is State.DONE:
        return f'"promptrec run fork {quoted}" measures a run like it.'
    return f"it is {run.state.value}; compare it when it is done."
