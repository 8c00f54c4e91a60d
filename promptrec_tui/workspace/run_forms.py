"""The initial contents of the form of a new run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from promptrec_tui.runs.settings import flat_settings
from promptrec_tui.workspace import lineage
from promptrec_tui.workspace.datasets import list_datasets
from promptrec_tui.workspace.models import list_models
from promptrec_tui.workspace.new_runs import (
    NewRun,
    free_run_name,
    make_spec,
    new_run_defaults,
    settings_of,
    tuning_methods,
)
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import find_run
from promptrec_tui.workspace.settings import SettingRow, setting_rows, setting_text
from promptrec_tui.workspace.templates import find_template, list_templates


@dataclass(frozen=True)
class RunChoices:
    """The defaults of the form, and the names that it offers."""

    defaults: NewRun
    datasets: tuple[str, ...]
    templates: tuple[str, ...]
    models: tuple[str, ...]
    methods: tuple[str, ...]
    settings: tuple[SettingRow, ...]
    """Every setting there is, with what it is for."""


@dataclass(frozen=True)
class DerivedRun:
    """A new run that is made from an existing one.

    `changes` are settings, as a person writes them, that may avoid the failure of the existing run.
    """

    new: NewRun
    changes: dict[str, str]
    heading: str


def run_choices(workspace: Workspace) -> RunChoices | None:
    """The names to choose from and the defaults; None while there is no dataset."""
    if not (datasets := list_datasets(workspace)):
        return None
    return RunChoices(
        new_run_defaults(workspace),
        tuple(row.name for row in datasets),
        tuple(row.name for row in list_templates(workspace)),
        tuple(row.name for row in list_models(workspace)),
        tuple(tuning_methods()),
        tuple(setting_rows()),
    )


def run_defaults(
    workspace: Workspace, new: NewRun, dataset: str, template: str, model: str
) -> dict[str, str]:
    """A free name for the run, and the default of every spec key for its task and its tuning method."""
    task = find_template(workspace, template).task
    method = {key: value for key, value in new.settings.items() if key == "tuning.method"}
    spec = make_spec(workspace, replace(new, task=task, template=template, model=model, settings=method))
    settings = settings_of(task, spec.model.family, flat_settings(spec.settings))
    texts = {key: setting_text(value) for key, value in settings.items()}
    return {"name": free_run_name(workspace, dataset, model), **texts}


def derived_defaults(workspace: Workspace, derived: DerivedRun, method: str) -> dict[str, str]:
    """Every setting of a derived run under that tuning method, as a person writes it."""
    new = lineage.with_method(workspace, derived.new, method)
    return {key: setting_text(value) for key, value in new.settings.items()}


def fork(workspace: Workspace, run: str) -> DerivedRun:
    """A fork of a run, with the settings that may avoid the failure of a failed one."""
    heading = f"Fork of {find_run(workspace, run).name}"
    return _derived(lineage.fork(workspace, run), lineage.remedy(workspace, run), heading)


def continuation(workspace: Workspace, run: str) -> DerivedRun:
    """A run that starts from the adapter of another one."""
    heading = f"Starts from the adapter of {find_run(workspace, run).name}"
    return _derived(lineage.continuation(workspace, run), {}, heading)


def _derived(new: NewRun, changes: Mapping[str, Any], heading: str) -> DerivedRun:
    return DerivedRun(
        new,
        {key: setting_text(value) for key, value in changes.items()},
        heading,
    )
