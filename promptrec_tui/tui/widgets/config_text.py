"""What a run was made with, as text: what differs from the defaults first."""

from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.text import clean, clean_lines

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_config import ConfigSetting, RunConfig


def config_text(config: "RunConfig") -> Text:
    """Parts, changed settings, the template, all other settings, and the command for a run like it."""
    text = Text()
    width = max(len(name) for name, _ in config.parts)
    for name, value in config.parts:
        text.append(f"{name:<{width}}  ", style="dim")
        text.append(f"{clean(value)}\n")
    changed = [setting for setting in config.settings if setting.changed]
    usual = [setting for setting in config.settings if not setting.changed]
    _heading(text, f"settings that differ from the defaults: {len(changed) or 'none'}")
    _table(text, changed)
    for name, part in config.template:
        _heading(text, f"template, {name}")
        text.append(f"{clean_lines(part)}\n")
    _heading(text, "settings at their defaults")
    _table(text, usual)
    _heading(text, "as a command")
    text.append(f"{clean_lines(config.command)}\n")
    return text


def _heading(text: Text, name: str) -> None:
    text.append(f"\n{name}\n", style="bold")


def _table(text: Text, settings: "list[ConfigSetting]") -> None:
    """A line for each setting: key, value and, where it differs, the default."""
    keys = max((len(setting.key) for setting in settings), default=0)
    values = max((len(setting.value) for setting in settings), default=0)
    for setting in settings:
        text.append(f"  {setting.key:<{keys}}  ", style="dim")
        if setting.changed:
            text.append(f"{clean(setting.value):<{min(values, 40)}}", style="bold yellow")
            text.append(f"  default {clean(setting.default)}", style="dim")
        else:
            text.append(clean(setting.value))
        text.append("\n")
