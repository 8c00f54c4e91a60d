"""A live line chart that repaints only changed cells, to send little over SSH."""

from functools import cache

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from promptrec_tui.tui.widgets.canvas import AXIS, CURSOR, FAINT, LINE, MARK, TITLE, Row
from promptrec_tui.tui.widgets.chart import Chart
from promptrec_tui.tui.widgets.plot import Picture, picture_of, with_cursor

SERIES_CLASSES = ("first", "second", "third", "fourth", "fifth", "sixth")

INK_CLASSES = {
    AXIS: "axis",
    LINE: "line",
    TITLE: "title",
    CURSOR: "cursor",
    MARK: "mark",
    FAINT: "faint",
}


class LossChart(Widget):
    """Shows a `Chart`; set it with `show`."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual reads it so)
        f"chart--{name}" for name in (*INK_CLASSES.values(), *SERIES_CLASSES)
    }

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._chart = Chart("", ())
        self._cursor: float | None = None
        self._ascii_only = ascii_only
        self._picture = Picture(())
        self._rows: tuple[Row, ...] = ()

    @property
    def chart(self) -> Chart:
        """What it shows."""
        return self._chart

    def show(self, chart: Chart, cursor: float | None = None) -> None:
        """Draw `chart` with a cursor at an x, and repaint the cells that differ."""
        if chart != self._chart:
            self._chart, self._cursor = chart, cursor
            self._draw()
        elif cursor != self._cursor:
            self._cursor = cursor
            self._repaint()

    def on_resize(self) -> None:
        self._draw()

    def render_line(self, y: int) -> Strip:
        row, style = self._rows[y] if y < len(self._rows) else (), cache(self._style)
        segments, text, ink = [], "", AXIS
        for char, next_ink in row:
            if next_ink != ink and text:
                segments.append(Segment(text, style(ink)))
                text = ""
            text, ink = text + char, next_ink
        if text:
            segments.append(Segment(text, style(ink)))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, ink: int) -> Style:
        name = INK_CLASSES.get(ink) or SERIES_CLASSES[ink % len(SERIES_CLASSES)]
        return self.get_component_rich_style(f"chart--{name}")

    def _draw(self) -> None:
        self._picture = picture_of(self._chart, self.size.width, self.size.height, self._ascii_only)
        self._repaint()

    def _repaint(self) -> None:
        before, self._rows = self._rows, with_cursor(self._picture, self._chart, self._cursor)
        if len(before) != len(self._rows) or (before and len(before[0]) != self.size.width):
            self.refresh()
            return
        regions = [
            region
            for number, (old, new) in enumerate(zip(before, self._rows, strict=True))
            if (region := _changed(number, old, new))
        ]
        if regions:
            self.refresh(*regions)


def _changed(number: int, old: Row, new: Row) -> Region | None:
    """The range from the first to the last differing cell of a row."""
    columns = [column for column, (before, after) in enumerate(zip(old, new, strict=True)) if before != after]
    return Region(columns[0], number, columns[-1] - columns[0] + 1, 1) if columns else None
