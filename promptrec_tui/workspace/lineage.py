"""New runs from existing ones: a fork copies a run's spec, a continued run starts from a run's adapter."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from promptrec_tui.clock import now
from promptrec_tui.runs.event_log import finished_event
from promptrec_tui.runs.settings import apply_settings, default_values, flat_settings
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.tuning_settings import METHODS
from promptrec_tui.store import runs as store
from promptrec_tui.store.templates import same_text
from promptrec_tui.tasks.defaults import check_monitor, check_settings, default_settings
from promptrec_tui.workspace.machine import machine_facts, versions
from promptrec_tui.workspace.models import find_model
from promptrec_tui.workspace.names import check_name, free_name
from promptrec_tui.workspace.new_runs import NewRun, launch_spec, settings_of, start_run
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import RunRow, run_folder


def fork_run(
    workspace: Workspace, run: str, name: str = "", settings: Mapping[str, Any] | None = None
) -> RunRow:
    """Queue a new run with the spec of another one, except for its name and the given `settings`.

    Another `tuning.method` brings its own defaults (`with_method`). Without a `name` it is called like that
    run, with a number. Raises UserError for an unknown key or value.
    """
    folder = run_folder(workspace, run)
    spec = folder.spec()
    name = name or _free(workspace, spec.name)
    check_name("run", name, store.run_names(workspace.catalogue, name))
    given = dict(settings or {})
    check_settings(spec.task, spec.model.family, given)
    if "tuning.method" in given:
        given = {
            **_followers(workspace, _like(workspace, spec), str(given["tuning.method"]).strip()),
            **given,
        }
    changed = apply_settings(spec.settings, given)
    check_monitor(spec.task, changed.train.monitor)
    new = spec.model_copy(
        update={
            "id": secrets.token_hex(4),
            "name": name,
            "created": now(),
            "settings": changed,
            "versions": versions(),
            "machine": machine_facts(),
        }
    )
    return launch_spec(workspace, new, folder.start if spec.parent else None)


def continue_run(
    workspace: Workspace,
    run: str,
    name: str = "",
    dataset: str = "",
    settings: Mapping[str, Any] | None = None,
) -> RunRow:
    """Queue a new run that starts from another one's adapter, by default on the same data.

    Raises UserError when there is no adapter, or it does not fit the given dataset or settings.
    """
    new = continuation(workspace, run)
    return start_run(
        workspace,
        replace(
            new,
            name=name or new.name,
            dataset=dataset or new.dataset,
            settings={**new.settings, **(settings or {})},
        ),
    )


def fork(workspace: Workspace, run: str) -> NewRun:
    """The form of a fork."""
    spec = run_folder(workspace, run).spec()
    return replace(_like(workspace, spec), parent=spec.parent.id if spec.parent else "")


def continuation(workspace: Workspace, run: str) -> NewRun:
    """The form of a continued run."""
    spec = run_folder(workspace, run).spec()
    return replace(_like(workspace, spec), parent=spec.id)


def with_method(workspace: Workspace, new: NewRun, method: str) -> NewRun:
    """`new`, whose settings are complete, under another tuning method.

    Its own settings are at their defaults. What has the default of the present method elsewhere, such as the
    learning rate, gets that of the other one.
    """
    changes = _followers(workspace, new, method)
    settings = {key: value for key, value in new.settings.items() if not key.startswith("tuning.")}
    return new if not changes else replace(new, settings={**settings, **changes})


def _followers(workspace: Workspace, new: NewRun, method: str) -> dict[str, Any]:
    """The settings that change with the method; none for the same one, or for one that does not exist."""
    present = str(new.settings["tuning.method"])
    if method == present or method not in METHODS:
        return {}
    model, usual = find_model(workspace, new.model), default_values()
    before, after = (
        {**usual, **default_settings(new.task, model.family, name, model.parameters)}
        for name in (present, method)
    )
    own = {f"tuning.{name}" for name in METHODS[method].model_fields}
    return {
        **{key: after[key] for key in own},
        **{
            key: value
            for key, value in after.items()
            if not key.startswith("tuning.") and value != before[key] == new.settings[key]
        },
        "tuning.method": method,
    }


def remedy(workspace: Workspace, run: str) -> dict[str, Any]:
    """The settings that may help a fork of a failed run; empty when none are known."""
    folder = run_folder(workspace, run)
    finished = finished_event(folder.events, folder.last_attempt)
    return dict(finished.remedy) if finished and finished.remedy else {}


def _like(workspace: Workspace, spec: RunSpec) -> NewRun:
    # The template may have been renamed, and has another id in a rebuilt catalogue; its text is the same.
    template = same_text(workspace.catalogue, spec.template.name, spec.template.sha256) or spec.template
    return NewRun(
        name=_free(workspace, spec.name),
        dataset=spec.dataset.name,
        task=spec.task,
        template=f"{template.name}@{template.version}",
        model=spec.model.name,
        settings=settings_of(spec.task, spec.model.family, flat_settings(spec.settings)),
    )


def _free(workspace: Workspace, name: str) -> str:
    return free_name(name, store.run_names(workspace.catalogue, name))
