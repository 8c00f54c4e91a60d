"""Spec keys as a person writes them."""

from promptrec_tui.runs.spec import read_settings_toml as read_settings_toml
