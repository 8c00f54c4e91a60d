"""What a run was made with, as lines: what differs from the defaults first, then by section."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.line_view import Line, Part

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_config import ConfigSetting, RunConfig

INDENT = "  "


def config_lines(config: "RunConfig") -> list[Line]:
    """Parts, changed settings, the template, other settings by section, and the command for a run like it.

    A setting is copied as `KEY=VALUE`, which `--set` takes.
    """
    width = max(len(setting.key) for setting in config.settings)
    changed = [setting for setting in config.settings if setting.changed]
    usual = [setting for setting in config.settings if not setting.changed]
    lines = list(_pairs(config.parts, ""))
    lines += [*_heading(f"settings that differ from the defaults: {len(changed) or 'none'}")]
    lines += _settings(changed, width)
    for name, part in config.template:
        lines += [*_heading(f"template, {name}"), *(Line(clean(line)) for line in part.split("\n"))]
    lines += _heading("settings at their defaults")
    for section, settings in groupby(usual, key=lambda setting: setting.key.partition(".")[0]):
        lines += [
            Line(f"{INDENT}{section}", ((0, len(INDENT + section), "dim"),)),
            *_settings(list(settings), width),
        ]
    command = clean(config.command)
    return [*lines, *_heading("as a command"), Line(command)]


def _heading(name: str) -> Iterator[Line]:
    yield Line("")
    yield Line(name, ((0, len(name), "heading"),))


def _pairs(pairs: Sequence[tuple[str, str]], indent: str) -> Iterator[Line]:
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        head = f"{indent}{name:<{width}}  "
        yield Line(head + clean(value), ((0, len(head), "dim"),), copies=value)


def _settings(settings: "Sequence[ConfigSetting]", keys: int) -> Iterator[Line]:
    """A line for each setting: key in so many cells, value and, where it differs, the default."""
    values = min(max((len(setting.value) for setting in settings), default=0), 40)
    for setting in settings:
        head, value = f"{INDENT}{setting.key:<{keys}}  ", clean(setting.value)
        parts: tuple[Part, ...] = ((0, len(head), "dim"),)
        text = head + value
        if setting.changed:
            default = f"{head}{value:<{values}}  default {clean(setting.default)}"
            end = len(head) + len(value)
            parts, text = (*parts, (len(head), end, "changed"), (end, len(default), "dim")), default
        yield Line(text, parts, copies=f"{setting.key}={setting.value}")
