"""The table of runs."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from promptrec_tui.run_fields import NEWEST_FIRST, Sort
from promptrec_tui.tui.glyphs import UNICODE, Glyphs
from promptrec_tui.tui.widgets.cells import padded
from promptrec_tui.tui.widgets.last_rows import Texts
from promptrec_tui.tui.widgets.row_view import RowView
from promptrec_tui.tui.widgets.run_columns import COLUMNS, DEFAULT, RunColumn, fitted

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

EMPTY = "No run has all that. esc shows all."

Cells = tuple[tuple[str, str], ...]
"""Text and style of each cell of a line, which fill it exactly."""


@dataclass(frozen=True)
class Shown:
    """What stands in the table: runs from the top, the signs before some names, columns and their order."""

    runs: "Sequence[RunRow]" = ()
    marks: Container[str] = ()
    baseline: str = ""
    columns: tuple[str, ...] = DEFAULT
    sort: Sort = NEWEST_FIRST


class RunTable(RowView):
    """One row per run; the cursor stays on its run when other rows appear, move or disappear."""

    def __init__(self, glyphs: Glyphs = UNICODE, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._shown = Shown()
        self._last: dict[str, Texts] = {}
        """The rows of the last time, until the first runs are shown; none of them is a run yet."""
        self._places: dict[str, int] = {}
        self._skipped = 0
        """The columns after the first that are scrolled out of sight."""
        self._drawn: dict[int, tuple[Cells, bool]] = {}
        """What is on the screen, by line."""

    @property
    def row_count(self) -> int:
        return len(self._places)

    def key_at(self, number: int) -> str | None:
        if self._last:
            return list(self._last)[number] if number < len(self._last) else None
        return self._shown.runs[number].id if number < self.row_count else None

    @property
    def keys(self) -> list[str]:
        """The ids of the runs, from the top."""
        return list(self._places)

    @property
    def visible_columns(self) -> list[str]:
        """The names of the columns that are in sight."""
        return [column.name for column, _ in self._fitted(self._width)]

    @property
    def run(self) -> "RunRow | None":
        """The run under the cursor."""
        return self._shown.runs[self.cursor] if self._shown.runs else None

    def show(self, shown: Shown) -> None:
        """Show exactly this. The cursor stays on its run, and the run on its line, as far as that can be."""
        chosen, before, after_header = self.chosen, self._shown, (shown.columns, shown.sort)
        known, self._last = len(self._places), {}
        self._shown = shown
        if before.runs is not shown.runs:
            self._places = {run.id: number for number, run in enumerate(shown.runs)}
            place = self._places.get(chosen or "", min(self.cursor, max(self.row_count - 1, 0)))
            moved, in_sight = place - self.cursor, self.cursor_in_sight
            self.set_reactive(RowView.cursor, place)
            if known != self.row_count:
                self.measure()
            # At the top new runs come into sight; elsewhere what is looked at stays where it is.
            if moved and self.scroll_offset.y:
                self.scroll_to(y=self.scroll_offset.y + moved, animate=False)
            if in_sight:
                self.show_cursor()
        if (before.columns, before.sort) != after_header:
            self.refresh()
        self._repaint()
        self.tell()

    def show_again(self, rows: Mapping[str, Texts], columns: tuple[str, ...]) -> None:
        """Show rows of the last time, a text for each of the columns."""
        self._shown, self._last = Shown(columns=columns), dict(rows)
        self._places = {key: number for number, key in enumerate(rows)}
        self.measure()
        self.refresh()

    def texts(self, most: int) -> dict[str, Texts]:
        """Text and style of every column of the first rows, by the ids of their runs."""
        columns = [COLUMNS[name] for name in self._shown.columns]
        return {
            run.id: run_texts(run, columns, self._glyphs, self._sign(run)) for run in self._shown.runs[:most]
        }

    def choose(self, key: str) -> bool:
        """Put the cursor on the run with this id; False when it is not shown."""
        if key not in self._places:
            return False
        self.cursor = self._places[key]
        return True

    def header(self, width: int) -> Strip:
        style = self.get_component_rich_style("view--header")
        segments = []
        for column, room in self._fitted(width):
            sorts = column.name == self._shown.sort.field
            arrow = (self._glyphs.fall if self._shown.sort.largest_first else self._glyphs.rise) * sorts
            text = f" {padded(column.name[: room - len(arrow)] + arrow, room)} "
            segments.append(Segment(text, style + Style(bold=sorts)))
        return Strip(segments).adjust_cell_length(width, style)

    def row(self, number: int, width: int) -> Strip:
        if not self.row_count:
            text = EMPTY if number == 0 else ""
            return Strip([Segment(padded(f" {text}", width), self.get_component_rich_style("view--header"))])
        cells, here = self._line(number, width)
        self._drawn[number - self.scroll_offset.y + 1] = cells, here
        style = self.get_component_rich_style("view--cursor" if here else "view--row")
        # Colours of cells stay under the cursor: the state of a run must not lose its own.
        segments = [Segment(text, style + Style.parse(own)) for text, own in cells]
        return Strip(segments).adjust_cell_length(width, style)

    def action_cursor_left(self) -> None:
        """See the columns on the left."""
        self._skip(self._skipped - 1)

    def action_cursor_right(self) -> None:
        """See the columns on the right that do not fit."""
        if len(self._fitted(self._width)) < len(self._columns):
            self._skip(self._skipped + 1)

    def _skip(self, columns: int) -> None:
        self._skipped = max(columns, 0)
        self.refresh()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _columns(self) -> tuple[str, ...]:
        """The columns without those that are scrolled out of sight."""
        first, *others = self._shown.columns
        return (first, *others[min(self._skipped, len(others) - 1) :]) if others else (first,)

    def _fitted(self, width: int) -> list[tuple[RunColumn, int]]:
        return fitted(self._columns, width)

    def _line(self, number: int, width: int) -> tuple[Cells, bool]:
        """The cells of a row, and whether the cursor is on it."""
        if number >= self.row_count:
            return (), False
        columns = self._fitted(width)
        if self._last:
            by_name = dict(zip(self._shown.columns, list(self._last.values())[number], strict=True))
            texts = tuple(by_name[column.name] for column, _ in columns)
            return fit_cells(texts, [room for _, room in columns], self._glyphs), number == self.cursor
        run = self._shown.runs[number]
        return run_cells(run, columns, self._glyphs, self._sign(run)), number == self.cursor

    def _sign(self, run: "RunRow") -> str:
        """The sign before the name of a marked run."""
        if run.id not in self._shown.marks:
            return ""
        return self._glyphs.target if run.id == self._shown.baseline else self._glyphs.mark

    def _repaint(self) -> None:
        """Have the cells drawn again that differ from what is on the screen."""
        width, top = self._width, self.scroll_offset.y
        for y, (before, was_here) in list(self._drawn.items()):
            cells, here = self._line(top + y - 1, width)
            if y >= self.size.height:
                del self._drawn[y]
            elif here != was_here or len(cells) != len(before):
                self.refresh(Region(0, y, self.size.width, 1))
            elif cells != before:
                self.refresh(_changed(y, before, cells))


def run_texts(run: "RunRow", columns: Sequence[RunColumn], glyphs: Glyphs, sign: str = "") -> Texts:
    """Text and style of each cell of one run; `sign` and the pin stand before its name."""
    texts = []
    for column in columns:
        text, style = column.show(run, glyphs), column.style(run)
        if column.name == "name":
            signs = [mark for mark in (sign, glyphs.pin if run.pinned else "") if mark]
            text = " ".join([*signs, text])
            style = "bold magenta" if sign else "dim" if run.archived else ""
        texts.append((text, style))
    return tuple(texts)


def run_cells(
    run: "RunRow", columns: Sequence[tuple[RunColumn, int]], glyphs: Glyphs, sign: str = ""
) -> Cells:
    """The cells of one run, each cut and filled to its column."""
    texts = run_texts(run, [column for column, _ in columns], glyphs, sign)
    return fit_cells(texts, [width for _, width in columns], glyphs)


def fit_cells(texts: Texts, widths: Sequence[int], glyphs: Glyphs) -> Cells:
    """The cells of a row, each cut and filled to its column."""
    return tuple(
        (f" {padded(text, width, glyphs.more)} ", style)
        for (text, style), width in zip(texts, widths, strict=True)
    )


def _changed(y: int, before: Cells, after: Cells) -> Region:
    """The part of a line from the first to the last cell that differs."""
    places = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    start = sum(cell_len(text) for text, _ in after[: places[0]])
    return Region(start, y, sum(cell_len(text) for text, _ in after[places[0] : places[-1] + 1]), 1)
