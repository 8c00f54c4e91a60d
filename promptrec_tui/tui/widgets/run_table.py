"""The table of runs."""

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.tui.glyphs import UNICODE, Glyphs
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.run_text import (
    age_text,
    badge,
    number_text,
    progress_text,
    sparkline,
    state_text,
)
from promptrec_tui.tui.widgets.table import Table

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

COLUMNS = (
    ("name", 18),
    ("state", 13),
    ("progress", 12),
    ("loss", 6),
    ("best", 7),
    ("trend", 6),
    ("age", 4),
)
"""With a space on both sides of each, exactly 80 cells."""


class RunTable(Table):
    """One row per run; the cursor stays on its run when other rows appear or disappear."""

    def __init__(self, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:
        super().__init__(COLUMNS, id=id)
        self._glyphs = glyphs

    def show_runs(self, rows: "Iterable[RunRow]", marks: Container[str] = (), baseline: str = "") -> None:
        """Show these runs, in this order; the ids in `marks` and the baseline have a sign."""
        signs = {baseline: self._glyphs.target} if baseline else {}
        self.show(
            {
                row.id: run_cells(
                    row, self._glyphs, signs.get(row.id, self._glyphs.mark) if row.id in marks else ""
                )
                for row in rows
            }
        )


def run_cells(row: "RunRow", glyphs: Glyphs, sign: str = "") -> tuple[Text, ...]:
    """The cells of one run, each cut to its column; `sign` stands before its name."""
    style = badge(row).colour
    texts = (
        (f"{sign} {row.name}", "bold magenta") if sign else (row.name, ""),
        (state_text(row, glyphs), style),
        (progress_text(row), ""),
        (number_text(row.train_loss), ""),
        (number_text(row.best_value, 4), ""),
        (sparkline(row.sparkline, 6, glyphs.bars), "cyan"),
        (age_text(row.created), "dim"),
    )
    return tuple(
        fit(text, width, style, glyphs.more) for (text, style), (_, width) in zip(texts, COLUMNS, strict=True)
    )
