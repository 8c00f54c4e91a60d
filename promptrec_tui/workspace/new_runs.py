"""Describe a new run, and start it."""

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptrec_tui.clock import now
from promptrec_tui.errors import UserError
from promptrec_tui.models.blocks import block_count, check_layers
from promptrec_tui.prompts.template import template_as
from promptrec_tui.runs.base_models import base_folder
from promptrec_tui.runs.folder import create_run
from promptrec_tui.runs.parents import check_shape, parent_ref, shape_of
from promptrec_tui.runs.queue import enqueue
from promptrec_tui.runs.settings import apply_settings
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.runs.tuning_settings import METHODS, LastLayersSettings
from promptrec_tui.store import runs as store
from promptrec_tui.store.engine import BusyError
from promptrec_tui.tasks.defaults import (
    FACTS,
    SCALES,
    check_method,
    check_monitor,
    check_settings,
    default_settings,
    uses,
)
from promptrec_tui.workspace.answers import check_answers
from promptrec_tui.workspace.datasets import find_dataset, list_datasets
from promptrec_tui.workspace.lateness import unlisted
from promptrec_tui.workspace.machine import machine_facts, versions
from promptrec_tui.workspace.models import find_model, list_models
from promptrec_tui.workspace.names import check_name, free_name
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.rows import rows_of
from promptrec_tui.workspace.runs import RunRow, row_after_queuing, run_folder
from promptrec_tui.workspace.templates import find_template, list_templates

EVALUATION_SEED = 1
"""Seed of the sample of users in new runs, independent of train.seed: such runs stay comparable."""


@dataclass(frozen=True)
class NewRun:
    """A run as a person describes it before it starts; `settings` are the spec keys of `--set`."""

    name: str
    dataset: str
    task: str
    template: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    """The run from whose adapter it starts; empty: from the base model alone."""


def free_run_name(workspace: Workspace, dataset: str, model: str) -> str:
    """A free name for a run of that dataset and model."""
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
    task = next(task for task in FACTS if rows_of(task).count(datasets[0]))
    model = next((row for row in models if (task, row.family) in SCALES), models[0])
    template = next(row for row in list_templates(workspace) if row.task == task)
    settings = default_settings(task, model.family, "lora", model.parameters)
    return NewRun(
        name=free_run_name(workspace, datasets[0].name, model.name),
        dataset=datasets[0].name,
        task=task,
        template=template.name,
        model=model.name,
        settings=settings,
    )


def tuning_methods() -> list[str]:
    """The names of the tuning methods, the default one first."""
    return list(METHODS)


def settings_of(task: str, family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that a run of the task uses, with a base model of that family and their tuning
    method."""
    method = METHODS.get(str(settings.get("tuning.method")))
    own = {f"tuning.{name}" for name in method.model_fields} if method else settings.keys()
    return {
        key: value
        for key, value in settings.items()
        if uses(task, key, family) and (not key.startswith("tuning.") or key in own)
    }


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
    rows = rows_of(new.task)
    if not rows.count(dataset):
        raise UserError(f"Dataset {dataset.name!r} has no {rows.noun}, which the task {new.task!r} needs.")
    given = _given(new.settings)
    check_settings(new.task, model.family, given)
    before = run_folder(workspace, new.parent) if new.parent else None
    inherited = shape_of(before.spec()) if before else {}
    if before:
        check_shape(before.spec(), given)
    method = str({"tuning.method": Settings().tuning.method, **inherited, **given}["tuning.method"]).strip()
    check_method(new.task, model.family, method)
    defaults = default_settings(new.task, model.family, method, model.parameters)
    fixed = {"evaluation.seed": EVALUATION_SEED}
    settings = apply_settings(Settings(), {**fixed, **defaults, **inherited, **given})
    check_monitor(new.task, settings.train.monitor)
    return RunSpec(
        id=secrets.token_hex(4),
        name=new.name,
        created=now(),
        task=new.task,
        dataset=DatasetRef(id=dataset.id, name=dataset.name, file=dataset.file, sha256=dataset.sha256),
        template=template_as(TemplateRef, template),
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


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The given settings; a form gives None for a setting that an old run does not have."""
    return {key: value for key, value in settings.items() if value is not None and value != "None"}


def start_run(
    workspace: Workspace,
    new: NewRun,
    hold: bool = False,
    priority: int = 0,
    continue_after_failure: bool = True,
) -> RunRow:
    """Create the run's folder, put it in the queue, and start a dispatcher. Returns at once."""
    spec = make_spec(workspace, new)
    check_base(workspace, spec)
    check_answers(workspace, spec)
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
    """The same for a resolved spec; `start` is the adapter from which a continued run starts.

    Raises UserError when the folder of the base model is missing, or the model has too few blocks.
    """
    check_base(workspace, spec)
    if unlisted(workspace, spec.name):
        check_name("run", spec.name, [spec.name])
    folder = create_run(workspace.home, spec, start)
    try:
        store.add_run(workspace.catalogue, spec)
    except BusyError:
        pass  # the queue needs no catalogue, and the next refresh lists the run
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
    return row_after_queuing(workspace, folder, f"Run {spec.name!r} is queued")


def check_base(workspace: Workspace, spec: RunSpec) -> None:
    """Raise UserError when the folder of the base model is missing, or the model has too few blocks."""
    folder, tuning = base_folder(workspace.home, spec.model), spec.settings.tuning
    if isinstance(tuning, LastLayersSettings) and (count := block_count(folder)):
        check_layers(tuning.layers, count)
