"""What a person does with runs."""

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import delete, inside, read_json
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.launchers import spawn_dispatch
from promptrec_tui.runs.logout import run_survival
from promptrec_tui.runs.logs import last_lines, tail
from promptrec_tui.runs.queue import alone, enqueue
from promptrec_tui.runs.spec import (
    DatasetRef,
    ModelRef,
    RunSpec,
    Settings,
    TemplateRef,
    apply_settings,
)
from promptrec_tui.runs.states import ACTIVE, State
from promptrec_tui.runs.states import RESUMABLE as RESUMABLE
from promptrec_tui.runs.status import run_status
from promptrec_tui.store import runs as store
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.runs import PreviewRow as PreviewRow
from promptrec_tui.store.runs import RunRow as RunRow
from promptrec_tui.tasks.defaults import default_settings
from promptrec_tui.workspace.datasets import find_dataset, list_datasets
from promptrec_tui.workspace.machine import machine_facts, versions
from promptrec_tui.workspace.models import find_model, list_models
from promptrec_tui.workspace.names import check_name, free_name
from promptrec_tui.workspace.opening import Workspace, now
from promptrec_tui.workspace.parents import parent_ref, shape_of
from promptrec_tui.workspace.places import with_place, with_places
from promptrec_tui.workspace.templates import find_template, list_templates

LOG_LINES = 20
"""How much of a failed run's log its document has."""


@dataclass(frozen=True)
class NewRun:
    """What a person says of a run before it starts; `settings` are the spec keys of `--set`."""

    name: str
    dataset: str
    task: str
    template: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    """The run from whose adapter it starts; empty: from the base model alone."""


def refresh(workspace: Workspace) -> int:
    """Bring the catalogue up to what the run folders say; answers the number of events read."""
    return ingest(workspace.home, workspace.catalogue)


def list_runs(workspace: Workspace) -> list[RunRow]:
    """All runs, newest first, as the catalogue knows them; `refresh` first."""
    return with_places(workspace.home, store.list_runs(workspace.catalogue))


def find_run(workspace: Workspace, run: str) -> RunRow:
    """The run of that name or id. Raises UserError with the nearest name."""
    return with_place(workspace.home, store.find_run(workspace.catalogue, run))


def free_run_name(workspace: Workspace, dataset: str, model: str) -> str:
    """A name for a run of that dataset and model that no run has yet."""
    wanted = f"{dataset}-{model}"
    return free_name(wanted, store.run_names(workspace.catalogue, wanted))


def new_run_defaults(workspace: Workspace) -> NewRun:
    """A run form with every default filled in.

    Raises UserError when there is no dataset to run on yet.
    """
    datasets = list_datasets(workspace)
    if not datasets:
        raise UserError("There is no dataset yet: import one first.")
    models = list_models(workspace)
    if not models:
        raise UserError("There is no base model: add one first.")
    model = models[0]
    template = next(row for row in list_templates(workspace) if row.task == "next_item")
    settings = default_settings("next_item", model.family, "lora", model.parameters)
    return NewRun(
        name=free_run_name(workspace, datasets[0].name, model.name),
        dataset=datasets[0].name,
        task="next_item",
        template=template.name,
        model=model.name,
        settings=settings,
    )


def make_spec(workspace: Workspace, new: NewRun) -> RunSpec:
    """The resolved, immutable description of a run. Raises UserError for an unknown name, key or value."""
    check_name("run", new.name, store.run_names(workspace.catalogue, new.name))
    dataset = find_dataset(workspace, new.dataset)
    template = find_template(workspace, new.template)
    model = find_model(workspace, new.model)
    if template.task != new.task:
        raise UserError(
            f"Template {template.name!r} is for the task {template.task!r}, not {new.task!r}: "
            "choose one of that task."
        )
    settings = apply_settings(Settings(), {})
    method = str(new.settings.get("tuning.method", settings.tuning.method))
    defaults = default_settings(new.task, model.family, method, model.parameters)
    before = run_folder(workspace, new.parent) if new.parent else None
    inherited = shape_of(before.spec()) if before else {}
    settings = apply_settings(settings, {**defaults, **inherited, **new.settings})
    return RunSpec(
        id=secrets.token_hex(4),
        name=new.name,
        created=now(),
        task=new.task,
        dataset=DatasetRef(id=dataset.id, name=dataset.name, file=dataset.file, sha256=dataset.sha256),
        template=TemplateRef(
            id=template.id,
            name=template.name,
            version=template.version,
            task=template.task,
            language=template.language,
            prompt=template.prompt,
            completion=template.completion,
            end_token=template.end_token,
            wrap=template.wrap,
            system=template.system,
            verbalizers=template.verbalizers,
            sha256=template.sha256,
        ),
        model=ModelRef(
            id=model.id,
            name=model.name,
            folder=model.folder,
            sha256=model.sha256,
            family=model.family,
            model_type=model.model_type,
        ),
        settings=settings,
        parent=parent_ref(before, model.name, model.sha256, settings) if before else None,
        versions=versions(),
        machine=machine_facts(),
    )


def start_run(
    workspace: Workspace,
    new: NewRun,
    hold: bool = False,
    priority: int = 0,
    continue_after_failure: bool = True,
) -> RunRow:
    """Make the run's folder, put it in the queue, and let the queue move. Returns at once."""
    spec = make_spec(workspace, new)
    start = run_folder(workspace, new.parent).adapter if new.parent else None
    return launch_spec(workspace, spec, start, hold, priority, continue_after_failure)


def launch_spec(
    workspace: Workspace,
    spec: RunSpec,
    start: Path | None = None,
    hold: bool = False,
    priority: int = 0,
    continue_after_failure: bool = True,
) -> RunRow:
    """The same for a resolved spec; `start` is the adapter from which a continued run goes on."""
    folder = create_run(workspace.home, spec, start)
    try:
        store.add_run(workspace.catalogue, spec)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    enqueue(
        folder,
        priority=priority,
        hold=hold,
        device=spec.settings.run.device,
        continue_after_failure=continue_after_failure,
    )
    return moved(workspace, spec.id)


def delete_run(workspace: Workspace, run: str) -> RunRow:
    """Take a run, its checkpoints and its figures away. Raises UserError while it is going."""
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    place = inside(workspace.home.runs, folder.path)
    # Nobody resumes it between the look and the deed; where the folder is gone there is nothing to resume.
    with alone(folder) if folder.path.is_dir() else nullcontext():
        if (state := run_status(folder).state) in ACTIVE:
            raise UserError(f"Run {row.name!r} is {state.value}: stop it before you delete it.")
        store.delete_run(workspace.catalogue, row.id)
        delete(workspace.home.runs, place)
    return row


def run_folder(workspace: Workspace, run: str) -> RunFolder:
    """The folder of the run of that name or id."""
    return RunFolder(workspace.home.runs / find_run(workspace, run).id)


def run_document(workspace: Workspace, run: str) -> dict[str, Any]:
    """The `run show` document: what a run is, where its files lie, what it measured."""
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    spec = folder.spec()
    report = _report(folder)
    metrics = report.get("metrics", {"before": None, "after": None, "baselines": {}, "gain": None})
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "reason": row.reason,
        "queue": asdict(row.queue) if row.queue else None,
        "survives_logout": asdict(run_survival(folder)),
        "step": row.step,
        "total_steps": row.total_steps,
        "best_step": row.best_step,
        "spec": json.loads(spec.model_dump_json()),
        "attempts": [_attempt(folder, number) for number in folder.attempts()],
        "paths": {
            "folder": str(folder.path),
            "adapter": str(folder.adapter),
            "base_model": spec.model.folder,
            "log": str(_log(folder)),
        },
        "protocol": report.get("protocol"),
        "preview_users": report.get("preview_users", []),
        "users": report.get("users"),
        "metrics": metrics,
        "warnings": store.warnings(workspace.catalogue, row.id),
        "log_tail": last_lines(_log(folder), LOG_LINES) if row.state == State.FAILED else [],
    }


def run_config(workspace: Workspace, run: str) -> str:
    """The resolved spec of a run as indented JSON."""
    return run_folder(workspace, run).spec().model_dump_json(indent=2)


def curves(
    workspace: Workspace, run: str, names: Sequence[str], max_points: int = 400
) -> dict[str, list[tuple[int, float | None]]]:
    """The (step, value) points of each named metric; None where it was not a number."""
    return store.metric_series(workspace.catalogue, find_run(workspace, run).id, names, max_points)


def run_previews(workspace: Workspace, run: str) -> list[PreviewRow]:
    """What the pinned users were recommended before, and last."""
    return store.previews(workspace.catalogue, find_run(workspace, run).id)


def run_evaluations(workspace: Workspace, run: str) -> list[store.EvaluationRow]:
    """Every evaluation of a run: the untuned and tuned model and the baselines."""
    return store.evaluations(workspace.catalogue, find_run(workspace, run).id)


def log_path(workspace: Workspace, run: str) -> Path:
    """The log of the run's last attempt (it need not exist yet)."""
    return _log(run_folder(workspace, run))


def log_tail(workspace: Workspace, run: str, count: int) -> Iterator[str]:
    """The last `count` lines of that log, one after the other: only the end of the file is read."""
    return tail(log_path(workspace, run), count)


def moved(workspace: Workspace, run_id: str) -> RunRow:
    """Let the queue move; the run as it is then."""
    spawn_dispatch(workspace.home)
    refresh(workspace)
    return find_run(workspace, run_id)


def _attempt(folder: RunFolder, number: int) -> dict[str, Any]:
    attempt = folder.attempt(number)
    return {
        "attempt": number,
        **{
            name: read_json(path) if path.exists() else None
            for name, path in (("started", attempt.started), ("exit", attempt.exit))
        },
    }


def _log(folder: RunFolder) -> Path:
    return folder.attempt(folder.last_attempt or 1).log


def _report(folder: RunFolder) -> dict[str, Any]:
    report: dict[str, Any] = read_json(folder.report) if folder.report.exists() else {}
    return report
