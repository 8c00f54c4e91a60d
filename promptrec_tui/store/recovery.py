"""Rows that can still be read from a damaged catalogue file."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from promptrec_tui.prompts.template import Texts, default_of
from promptrec_tui.store.datasets import DatasetRow
from promptrec_tui.store.models import ModelRow
from promptrec_tui.store.templates import TemplateRow


@dataclass
class Salvaged:
    """The rows that could be read; `torn` names the tables that could not be read completely."""

    datasets: list[DatasetRow] = field(default_factory=list)
    templates: list[TemplateRow] = field(default_factory=list)
    models: list[ModelRow] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)


def salvage(database: Path) -> Salvaged:
    """Read datasets, templates and models of any version, row by row up to the first damage."""
    salvaged = Salvaged()
    rows: list[tuple[str, list[Any], type[Any]]] = [
        ("dataset", salvaged.datasets, DatasetRow),
        ("template", salvaged.templates, TemplateRow),
        ("model", salvaged.models, ModelRow),
    ]
    for table, into, kind in rows:
        try:
            for values in _rows(database, table):
                into.append(_made(kind, values))
        except (sqlite3.Error, ValueError, TypeError, KeyError):
            salvaged.torn.append(table)
    return salvaged


DEFAULTS: dict[str, Any] = {"parent": None, "steps": ()}
"""Columns that the first tables did not have, beside those with a default."""


def _rows(database: Path, table: str) -> Iterator[dict[str, Any]]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid"):
            yield dict(row)


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    chosen = {}
    for column in fields(kind):
        if column.name not in values and default_of(column) is not MISSING:
            continue
        value = values.get(column.name, DEFAULTS.get(column.name))
        if column.name in ("warnings", "steps") and isinstance(value, str):
            value = tuple(json.loads(value))
        elif column.type == Texts and isinstance(value, str):
            value = dict(json.loads(value))
        elif column.name in ("builtin", "embedded"):
            value = bool(value)
        chosen[column.name] = value
    if not all(isinstance(chosen[name], str) for name in ("id", "name")):
        raise ValueError(f"a {kind.__name__} without a name")
    return kind(**chosen)
