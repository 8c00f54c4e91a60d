"""Spec keys as a person writes them."""

from promptrec_tui.runs.spec import allowed_values, default_values
from promptrec_tui.runs.spec import read_settings_toml as read_settings_toml


def setting_rows() -> list[tuple[str, str, str]]:
    """Every key, its default as a person writes it, and its allowed values, in words."""
    return [(key, setting_text(value), allowed_values(key)) for key, value in default_values().items()]


def setting_text(value: object) -> str:
    """The value of a setting as a person writes it."""
    match value:
        case bool():
            return str(value).lower()
        case tuple() | list():
            return ",".join(map(str, value))
        case _:
            return str(value)
