"""What differs between runs, by their specs."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from promptrec_tui.prompts.template import template_to_toml
from promptrec_tui.runs.settings import flat_settings, setting_keys
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.defaults import uses
from promptrec_tui.text import clean

MEASURED = ("precision", "users", "seed")
"""What may differ between protocols and leaves figures comparable, besides what is a setting."""

Values = Mapping[str, Any]
"""A value of each run, by the run's name, in the order of the runs."""


@dataclass(frozen=True)
class Differences:
    """What some runs do not have in common; each part is empty where they are equal.

    `template_diff` has, by name, for each run with another template than the first one the lines of a unified
    diff from that of the first run, as cleaned text.
    """

    parts: Mapping[str, Values]
    """`task dataset template model parent`, as they are called."""
    settings: Mapping[str, Values]
    """By their keys; None for a run that does not have the setting."""
    versions: Mapping[str, Values]
    protocol: Mapping[str, Values]
    """`MEASURED`, of runs that were measured."""
    template_diff: Mapping[str, tuple[str, ...]]

    @property
    def values(self) -> Mapping[str, Values]:
        """All but the diff of the templates, by name or key: the value of each run."""
        return {**self.parts, **self.settings, **self.protocol, **self.versions}

    def to_json(self) -> dict[str, Any]:
        """The parts by name, then the others under the names of their fields; no key for what is equal."""
        others = ("settings", "versions", "protocol", "template_diff")
        return {**self.parts, **{name: part for name in others if (part := getattr(self, name))}}


def differences(specs: Mapping[str, RunSpec], protocols: Mapping[str, Mapping[str, Any]]) -> Differences:
    """What differs between runs, given by name; those that were measured have `protocols`."""
    first = next(iter(specs.values()))
    parts: dict[str, tuple[Callable[[RunSpec], object], Callable[[RunSpec], str]]] = {
        "task": (lambda spec: spec.task, lambda spec: spec.task),
        "dataset": (lambda spec: spec.dataset.sha256, dataset_text),
        "template": (lambda spec: spec.template.sha256, template_text),
        "model": (lambda spec: spec.model.sha256, lambda spec: spec.model.name),
        "parent": (
            lambda spec: spec.parent.sha256 if spec.parent else None,
            lambda spec: spec.parent.name if spec.parent else "none",
        ),
    }
    settings = {name: _settings(spec) for name, spec in specs.items()}
    versions = {name: dict(spec.versions) for name, spec in specs.items()}
    return Differences(
        parts={
            part: _texts(specs, identity, text)
            for part, (identity, text) in parts.items()
            if any(identity(spec) != identity(first) for spec in specs.values())
        },
        settings=_unlike(settings, setting_keys()),
        versions=_unlike(versions, sorted({key for mine in versions.values() for key in mine})),
        protocol=_unlike(protocols, MEASURED),
        template_diff={
            name: _template_diff(first, spec)
            for name, spec in specs.items()
            if spec.template.sha256 != first.template.sha256
        },
    )


def _texts(
    specs: Mapping[str, RunSpec], identity: Callable[[RunSpec], object], text: Callable[[RunSpec], str]
) -> Values:
    """A part of each run as it is called, with its hash where unlike ones are called alike."""
    called: dict[str, set[object]] = {}
    for spec in specs.values():
        called.setdefault(text(spec), set()).add(identity(spec))
    return {
        name: text(spec) if len(called[text(spec)]) == 1 else f"{text(spec)} ({str(identity(spec))[:8]})"
        for name, spec in specs.items()
    }


def dataset_text(spec: RunSpec) -> str:
    """A dataset by name and the beginning of its hash: two versions may have one name."""
    return f"{spec.dataset.name} ({spec.dataset.sha256[:8]})"


def template_text(spec: RunSpec) -> str:
    """A template as commands name it: `list@2`."""
    return f"{spec.template.name}@{spec.template.version}"


def _settings(spec: RunSpec) -> dict[str, Any]:
    """The settings that the run uses."""
    return {
        key: value
        for key, value in flat_settings(spec.settings).items()
        if uses(spec.task, key, spec.model.family)
    }


def _unlike(sets: Mapping[str, Mapping[str, Any]], keys: "list[str] | tuple[str, ...]") -> dict[str, Values]:
    """The keys whose values differ, with the value of each."""
    values = {key: {name: mine.get(key) for name, mine in sets.items()} for key in keys}
    return {
        key: by_name
        for key, by_name in values.items()
        if any(value != next(iter(by_name.values())) for value in by_name.values())
    }


def _template_diff(before: RunSpec, after: RunSpec) -> tuple[str, ...]:
    old, new = (template_to_toml(spec.template).splitlines() for spec in (before, after))
    names = template_text(before), template_text(after)
    return tuple(clean(line) for line in difflib.unified_diff(old, new, *names, lineterm=""))
