"""What a run was made with, for people: its parts, its settings beside their defaults, and as a command."""

import json
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from shlex import join
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.settings import apply_settings, flat_settings
from promptrec_tui.runs.spec import RunSpec, Settings
from promptrec_tui.tasks.defaults import default_settings, uses
from promptrec_tui.text import clean
from promptrec_tui.workspace.models import find_model
from promptrec_tui.workspace.new_runs import EVALUATION_SEED, NewRun, make_spec
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import run_folder
from promptrec_tui.workspace.settings import setting_text


@dataclass(frozen=True)
class ConfigSetting:
    """A setting that the run's task uses, its value, and the default for this task, method and model."""

    key: str
    value: str
    default: str

    @property
    def changed(self) -> bool:
        return self.value != self.default


@dataclass(frozen=True)
class RunConfig:
    """`parts`: names and values of what the run is made of; `template`: the names and texts of its parts."""

    parts: tuple[tuple[str, str], ...]
    settings: tuple[ConfigSetting, ...]
    template: tuple[tuple[str, str], ...]
    command: str
    """The command that starts a run like it."""
    toml: str
    """The settings as a file for `--config` of that command."""


def run_config(workspace: Workspace, run: str) -> RunConfig:
    """The configuration of a run. Raises UserError for an unknown run or one whose spec cannot be read."""
    spec = run_folder(workspace, run).spec()
    settings = _beside(spec, _defaults(workspace, spec))
    template = spec.template
    machine, versions = _facts(spec.machine), _facts(spec.versions)
    return RunConfig(
        parts=(
            ("run", f"{spec.name} ({spec.id})"),
            ("created", spec.created),
            ("task", spec.task),
            ("dataset", f"{spec.dataset.name} ({spec.dataset.id})"),
            ("template", f"{template.name}, version {template.version}, wrapped as {template.wrap}"),
            ("model", f"{spec.model.name} ({spec.model.model_type}, {spec.model.family})"),
            *((("continues", f"{spec.parent.name} ({spec.parent.id})"),) if spec.parent else ()),
            *((("machine", machine),) if machine else ()),
            *((("versions", versions),) if versions else ()),
        ),
        settings=settings,
        template=(("prompt", template.prompt), ("completion", template.completion)),
        command=start_command(spec, settings),
        toml=_toml(spec, {setting.key for setting in settings}),
    )


def new_command(workspace: Workspace, new: NewRun) -> str:
    """The command that starts this new run. Raises UserError where starting it would.

    One that goes on from an adapter is told by what differs from the run that made it.
    """
    spec = make_spec(workspace, new)
    if not new.parent:
        return start_command(spec, _beside(spec, _defaults(workspace, spec)))
    before = run_folder(workspace, new.parent).spec()
    if spec.template.sha256 != before.template.sha256:
        raise UserError("No command continues a run with another template: start it from here.")
    words = ["promptrec", "run", "continue", before.name, "--name", spec.name]
    words += ["--dataset", spec.dataset.name] if spec.dataset != before.dataset else []
    return join(words + _sets(_beside(spec, flat_settings(before.settings))))


def _beside(spec: RunSpec, defaults: Mapping[str, Any]) -> tuple[ConfigSetting, ...]:
    """The settings that the run's task uses, beside what they would be."""
    return tuple(
        ConfigSetting(key, setting_text(value), setting_text(defaults.get(key)))
        for key, value in flat_settings(spec.settings).items()
        if uses(spec.task, key, spec.model.family)
    )


def _defaults(workspace: Workspace, spec: RunSpec) -> Mapping[str, Any]:
    """The settings that a new run of the same task, method and model would begin with."""
    method = spec.settings.tuning.method
    usual: dict[str, Any] = {"evaluation.seed": EVALUATION_SEED, "tuning.method": method}
    # Without its model, or for a task of another version, only the general defaults are known.
    with suppress(UserError):
        parameters = find_model(workspace, spec.model.id).parameters
        usual |= default_settings(spec.task, spec.model.family, method, parameters)
    return flat_settings(apply_settings(Settings(), usual))


def start_command(spec: RunSpec, settings: tuple[ConfigSetting, ...]) -> str:
    """The command for a run like it, without settings that have no value, as evaluation.seed in old runs."""
    words = ["promptrec", "run", "start", "--name", spec.name, "--task", spec.task]
    words += ["--dataset", spec.dataset.name, "--template", spec.template.name, "--model", spec.model.name]
    return join(words + _sets(settings))


def _sets(settings: tuple[ConfigSetting, ...]) -> list[str]:
    """`--set` for each setting that differs, and for another tuning method, whose own settings follow it."""
    words = []
    for setting in settings:
        method = setting.key == "tuning.method" and setting.value != "lora"
        if (setting.changed and setting.value != "None") or method:
            words += ["--set", f"{setting.key}={setting.value}"]
    return words


def _toml(spec: RunSpec, keys: Container[str]) -> str:
    """Those settings by section; one without a value, which TOML has not, is left to its default."""
    lines = [f"# The settings of run {clean(spec.name)}, for promptrec run start --config"]
    sections = groupby(flat_settings(spec.settings).items(), key=lambda setting: setting[0].partition(".")[0])
    for section, settings in sections:
        lines += ["", f"[{section}]"]
        for key, value in settings:
            if key in keys and value is not None:
                written = list(value) if isinstance(value, tuple) else value
                lines.append(f"{key.partition('.')[2]} = {json.dumps(written, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
