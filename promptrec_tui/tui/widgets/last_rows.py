"""The rows of a table as they were when the app was closed, shown until fresh ones come."""

from collections.abc import Sequence
from typing import Any

from rich.errors import StyleSyntaxError
from rich.style import Style
from rich.text import Text

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.table import Table

MOST = 40
"""Rows that are kept: more are on no screen at once."""


def last_rows(table: Table) -> dict[str, Any]:
    """The first rows of a table, as JSON values."""
    cells = {key: table.cells_of(key) for key in table.keys[:MOST]}
    return {
        "columns": table.labels,
        "rows": {key: [[cell.plain, str(cell.style)] for cell in row] for key, row in cells.items()},
    }


def rows_again(kept: object, labels: Sequence[str]) -> dict[str, tuple[Text, ...]]:
    """The rows that were kept; none where they do not fit the columns, as those of another version."""
    match kept:
        case {"columns": columns, "rows": dict(rows)} if columns == labels:
            try:
                return {
                    str(key): tuple(map(_cell, cells)) for key, cells in rows.items() if _fits(cells, labels)
                }
            except (StyleSyntaxError, ValueError):
                return {}
    return {}


def _fits(cells: object, labels: Sequence[str]) -> bool:
    return isinstance(cells, list) and len(cells) == len(labels)


def _cell(cell: object) -> Text:
    match cell:
        case [str(text), str(style)]:
            Style.parse(style)
            return Text(clean(text), style=style, no_wrap=True)
    raise ValueError("a cell is a text and its style")
