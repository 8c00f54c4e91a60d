"""Spec keys as a person writes them."""

from dataclasses import dataclass

from promptrec_tui.runs.settings import allowed_values, default_values, why
from promptrec_tui.runs.settings import read_settings_toml as read_settings_toml
from promptrec_tui.tasks.defaults import FACTS, UNUSED, uses


@dataclass(frozen=True)
class SettingRow:
    """A setting: its key, its default as one would write it, what it is for, and what it may be, in words."""

    key: str
    default: str
    why: str
    allowed: str


def setting_rows() -> list[SettingRow]:
    """Every setting. One that not every task uses says which do, and with which families of models not."""
    return [
        SettingRow(key, setting_text(value), why(key), _words(key)) for key, value in default_values().items()
    ]


def _words(key: str) -> str:
    if key == "train.monitor":
        measured = (f"{', '.join(facts.monitors)} ({task})" for task, facts in FACTS.items())
        return f"validation_loss, or {', '.join(measured)}"
    tasks = [task for task in FACTS if uses(task, key)]
    without = [f"{task} / {family}" for (task, family), unused in UNUSED.items() if key in unused]
    return (
        allowed_values(key)
        + (f" (task {' or '.join(tasks)})" if len(tasks) < len(FACTS) else "")
        + (f" (not {' or '.join(without)})" if without else "")
    )


def setting_text(value: object) -> str:
    """The value of a setting as a person writes it."""
    match value:
        case bool():
            return str(value).lower()
        case tuple() | list():
            return ",".join(map(str, value))
        case _:
            return str(value)
