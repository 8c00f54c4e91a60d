"""A live line chart that repaints only changed cells, to send little over SSH."""

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from promptrec_tui.tui.widgets.plot import AXIS, LINE, TITLE, Chart, Row, draw_chart

SERIES_CLASSES = ("first", "second", "third", "fourth", "fifth", "sixth")


class LossChart(Widget):
    """Shows a `Chart`; set it with `show`."""

    COMPONENT_CLASSES = {  # noqa: RUF012 (Textual reads it so)
        "chart--title",
        "chart--axis",
        "chart--line",
        *(f"chart--{name}" for name in SERIES_CLASSES),
    }

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._chart = Chart("", ())
        self._ascii_only = ascii_only
        self._rows: tuple[Row, ...] = ()

    def show(self, chart: Chart) -> None:
        """Draw `chart`, and repaint the cells that differ."""
        if chart != self._chart:
            self._chart = chart
            self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def render_line(self, y: int) -> Strip:
        styles = {ink: self._style(ink) for ink in (AXIS, LINE, TITLE, *range(len(self._chart.series)))}
        row = self._rows[y] if y < len(self._rows) else ()
        segments, text, ink = [], "", AXIS
        for char, next_ink in row:
            if next_ink != ink and text:
                segments.append(Segment(text, styles[ink]))
                text = ""
            text, ink = text + char, next_ink
        segments.append(Segment(text, styles[ink]))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, ink: int) -> Style:
        name = {AXIS: "axis", LINE: "line", TITLE: "title"}.get(ink) or SERIES_CLASSES[
            ink % len(SERIES_CLASSES)
        ]
        return self.get_component_rich_style(f"chart--{name}")

    def _redraw(self) -> None:
        before, self._rows = (
            self._rows,
            draw_chart(self._chart, self.size.width, self.size.height, self._ascii_only),
        )
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
