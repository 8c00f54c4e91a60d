"""The rows of a table as they were when the app was closed, shown until fresh ones come."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.errors import StyleSyntaxError
from rich.style import Style

from promptrec_tui.text import clean

MOST = 40
"""Rows that are kept: more are on no screen at once."""

Texts = tuple[tuple[str, str], ...]
"""Text and style of each cell of a row."""


def last_rows(rows: Mapping[str, Texts], columns: Sequence[str]) -> dict[str, Any]:
    """The rows of a table by their keys, as JSON values."""
    return {
        "columns": list(columns),
        "rows": {key: [list(cell) for cell in row] for key, row in rows.items()},
    }


def rows_again(kept: object, columns: Sequence[str]) -> dict[str, Texts]:
    """The rows that were kept; none where they do not fit the columns, as those of another version."""
    match kept:
        case {"columns": list(names), "rows": dict(rows)} if names == list(columns):
            try:
                return {
                    str(key): tuple(map(_cell, cells)) for key, cells in rows.items() if _fits(cells, columns)
                }
            except (StyleSyntaxError, ValueError):
                return {}
    return {}


def _fits(cells: object, columns: Sequence[str]) -> bool:
    return isinstance(cells, list) and len(cells) == len(columns)


def _cell(cell: object) -> tuple[str, str]:
    match cell:
        case [str(text), str(style)]:
            Style.parse(style)
            return clean(text), style
    raise ValueError("a cell is a text and its style")
