"""What a source tells of its users beside what they did: every other column, as a text attribute."""

from collections.abc import Mapping

from promptrec_tui.datasets.catalogue import KEY_LIMIT
from promptrec_tui.datasets.encodings import Tick
from promptrec_tui.datasets.places import located, quoted
from promptrec_tui.datasets.tables import Table

Profiles = Mapping[str, Mapping[str, str]]
"""Attributes by the key of a user."""


def read_profiles(table: Table, columns: Mapping[str, int], tick: Tick | None = None) -> Profiles:
    """Read the users of `table`; `columns` says where the key stands.

    Raises UserError, with file and line, for a key that is empty, too long, or stands twice.
    """
    column = columns["user"]
    others = [(i, name) for i, name in enumerate(table.columns) if name and i != column]
    lines: dict[str, int] = {}
    found: dict[str, dict[str, str]] = {}
    for line, fields in table.rows(tick):
        key = fields[column]
        fault = ""
        if not key:
            fault = f"the user's key ({table.columns[column]}) is empty. Fill it in"
        elif len(key) > KEY_LIMIT:
            fault = f"the key has {len(key):,} characters, {KEY_LIMIT:,} at most. Shorten it"
        elif key in lines:
            fault = f"user {quoted(key)} stands in {table.unit} {lines[key]} already. Keep one"
        if fault:
            raise located(table.path, line, fault, table.unit)
        lines[key] = line
        found[key] = {name: fields[i] for i, name in others}
    return found
