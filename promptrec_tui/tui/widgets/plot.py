"""Line charts as rows of characters. Pure; knows no terminal and no widget.

A value that is not a number is a gap: its neighbours are not joined. The x-axis counts whole steps and grows
by leaps, and the y-axis has round ticks in even rows, so that one more point changes few cells.

`draw_chart` draws all but the cursor, `with_cursor` puts the cursor on what was drawn: a cursor that moves
costs no drawing.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from promptrec_tui.tui.widgets.axes import log_text, tick_text, time_text
from promptrec_tui.tui.widgets.canvas import (
    AXIS,
    BRAILLE,
    CURSOR,
    FAINT,
    LINE,
    MARK,
    PLAIN,
    SIGNS,
    TITLE,
    Canvas,
    Cell,
    Row,
)
from promptrec_tui.tui.widgets.chart import (
    Chart,
    Point,
    Scale,
    Series,
    drawable,
    ends_of,
    finite,
    in_window,
    place_text,
    scale_within,
    value_text,
)

SMALLEST_WIDTH, SMALLEST_HEIGHT = 20, 5
LEGEND = 400
"""Characters of a legend without a chart under it."""

_LEGEND_SIGNS = "━╍┈╾┅╌"
"""Marks of the first curves in the legend: one solid, the others dashed, so that no colour is needed."""

_DASHES = ((1, 1), (4, 6), (2, 5), (9, 11), (6, 8), (3, 6))
"""Dash patterns of the first curves, in columns of dots: (drawn, of)."""


@dataclass(frozen=True)
class Picture:
    """A drawn chart: its rows, and where its plot is; no scale if nothing was drawn."""

    rows: tuple[Row, ...]
    scale: Scale | None = None
    margin: int = 0
    """Cells to the left of the plot."""
    ascii_only: bool = False


def draw_chart(chart: Chart, width: int, height: int, ascii_only: bool = False) -> tuple[Row, ...]:
    """`height` rows of `width` cells: the legend on top, then the plot with its axes."""
    return picture_of(chart, width, height, ascii_only).rows


def picture_of(chart: Chart, width: int, height: int, ascii_only: bool = False) -> Picture:
    """The chart without a cursor in `height` rows of `width` cells."""
    if width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        note = ("too small for a chart" if not number else "" for number in range(height))
        return Picture(tuple(_row(text, width) for text in note))
    legend = _legend(chart, width, ascii_only)
    ends = ends_of(chart)
    if ends is None:
        shown = any(series.points for series in chart.series)
        text = "no values to draw here: + - z change the range" if shown and chart.window else "no points yet"
        rest = [_row("", width) for _ in range(height - 1)]
        rest[(height - 1) // 2] = _row(f"{text:^{width}}", width)
        return Picture((legend, *rest))
    # The labels decide how wide the plot is.
    rough = scale_within(chart, ends, width, height - 3)
    margin = max(len(text) for text in _y_labels(rough).values())
    canvas = Canvas(width - margin - 1, height - 3, PLAIN if ascii_only else BRAILLE)
    scale = scale_within(chart, ends, canvas.width, canvas.height)
    _draw(chart, scale, canvas)
    names = _line_names(chart, scale, canvas)
    down = canvas.per_cell[1]
    labels = {
        _dot_row(scale, canvas.height, down, level) // down: text for level, text in _y_labels(scale).items()
    }
    vertical, notch = ("|", "+") if ascii_only else ("│", "┤")
    rows = []
    for number in range(canvas.height):
        label = f"{labels.get(number, ''):>{margin}}{notch if number in labels else vertical}"
        rows.append((*((char, AXIS) for char in label), *canvas.row(number)))
    for (column, number), cell in names.items():
        rows[number] = _put(rows[number], margin + 1 + column, cell)
    axis = _x_axis(chart, scale, canvas.width, margin, ascii_only)
    return Picture((legend, *rows, *axis), scale, margin, ascii_only)


def with_cursor(picture: Picture, chart: Chart, cursor: float | None) -> tuple[Row, ...]:
    """The rows of a picture of `chart` with a line at x = `cursor`, and a dot on each curve's point there."""
    scale = picture.scale
    if scale is None or cursor is None or not scale.x.low <= cursor <= scale.x.high:
        return picture.rows
    legend, *rows, axis, labels = picture.rows
    column = picture.margin + 1 + _column(scale, len(axis) - picture.margin - 1, cursor)
    vertical, notch, dot = (":", "^", "@") if picture.ascii_only else ("┊", "▲", "●")
    down = (PLAIN if picture.ascii_only else BRAILLE)[1]
    drawn = [row if row[column][0] != " " else _put(row, column, (vertical, CURSOR)) for row in rows]
    for ink, series in enumerate(chart.series):
        value = next((y for x, y in series.measured if x == cursor), None)
        if value is not None and drawable(value, chart.log):
            number = _dot_row(scale, len(rows), down, scale.level(value)) // down
            if 0 <= number < len(rows):
                drawn[number] = _put(drawn[number], column, (dot, ink))
    return (legend, *drawn, _put(axis, column, (notch, CURSOR)), labels)


def _put(row: Row, column: int, cell: Cell) -> Row:
    return (*row[:column], cell, *row[column + 1 :])


def _row(text: str, width: int, ink: int = AXIS) -> Row:
    return tuple((char, ink) for char in f"{text:<{width}}"[:width])


def _y_labels(scale: Scale) -> dict[float, str]:
    if scale.log:
        return {level: log_text(level) for level in scale.y.ticks}
    return {level: tick_text(level, scale.y.step) for level in scale.y.ticks}


def _dot_row(scale: Scale, height: int, down: int, level: float) -> int:
    """The row of dots of a level, of `height` cells with `down` dots each.

    The ends of the axis lie in the middle of the first and of the last cell.
    """
    # A damaged log may contain 1e300: a line to it must not take 1e300 dots.
    share = min(max((scale.y.high - level) / (scale.y.high - scale.y.low), -1.0), 2.0)
    return round(share * (height - 1) * down) + down // 2


def _column(scale: Scale, columns: int, x: float) -> int:
    """The column of an x on the axis, of so many."""
    return round((x - scale.x.low) / (scale.x.high - scale.x.low) * (columns - 1))


def _legend(chart: Chart, width: int, ascii_only: bool) -> Row:
    cells: list[Cell] = [(char, TITLE) for char in chart.title]
    for number, series in enumerate(chart.series):
        if series.measured:
            mark = SIGNS[number % len(SIGNS)] if ascii_only else _LEGEND_SIGNS[number % len(_LEGEND_SIGNS)]
            values = [y for _, y in series.measured if y is not None and math.isfinite(y)]
            best = f", best {value_text(max(values))}" if series.best and values else ""
            text = (
                f"  {mark} {series.name} {value_text(series.measured[-1][1])}{best}{_gap_text(chart, series)}"
            )
            cells.extend((char, number) for char in text)
    return tuple([*cells, *_row("", width)][:width])


def legend_of(chart: Chart) -> str:
    """The title and the last value of each curve."""
    return "".join(char for char, _ in _legend(chart, LEGEND, ascii_only=False)).strip()


def _gap_text(chart: Chart, series: Series) -> str:
    """Where the first gap of a curve is, and why it is one."""
    gap = next((x for x, y in series.measured if not finite(y)), None)
    text = "" if gap is None else f" gap at {place_text(gap, chart.unit)}"
    low = [x for x, y in series.measured if finite(y) and not drawable(y, chart.log)]
    return f"{text}, {len(low)} of 0 or less left out from {place_text(low[0], chart.unit)}" if low else text


def _draw(chart: Chart, scale: Scale, canvas: Canvas) -> None:
    for _, value in chart.lines:
        if drawable(value, chart.log):
            row = _dot_row(scale, canvas.height, canvas.per_cell[1], scale.level(value))
            for column in range(0, canvas.columns, 3):
                canvas.rise(column, row, row, LINE)
    for series in chart.series:
        for dot in _dots(in_window(series.raw, chart), scale, canvas):
            if dot:
                canvas.rise(*dot, dot[1], FAINT)
    for ink, series in enumerate(chart.series):
        dash = _DASHES[ink % len(_DASHES)]
        before: tuple[int, int] | None = None
        for here in _dots(in_window(series.points, chart), scale, canvas):
            if here and before:
                canvas.join(before, here, ink, dash)
            elif here:
                canvas.rise(*here, here[1], ink)
            before = here


def _dots(points: Sequence[Point], scale: Scale, canvas: Canvas) -> Iterator[tuple[int, int] | None]:
    """The dot (column, row) of each point; None at a gap."""
    left, across = scale.x.low, (canvas.columns - 1) / (scale.x.high - scale.x.low)
    columns, height, down = canvas.columns, canvas.height, canvas.per_cell[1]
    for x, y in points:
        if y is None or not drawable(y, scale.log):
            yield None
        else:
            column = min(max((x - left) * across, -columns), 2 * columns)
            yield round(column), _dot_row(scale, height, down, scale.level(y))


def _line_names(chart: Chart, scale: Scale, canvas: Canvas) -> dict[tuple[int, int], Cell]:
    """Write the names of the lines on or beside them, at the right end or where no curve and no name is."""
    names: dict[tuple[int, int], Cell] = {}
    down = canvas.per_cell[1]
    for name, value in sorted(chart.lines, key=lambda line: -line[1]):
        if not drawable(value, chart.log):
            continue
        text = f" {name} {value_text(value)} "[: canvas.width]
        end = canvas.width - len(text)
        line = _dot_row(scale, canvas.height, down, scale.level(value)) // down
        if not 0 <= line < canvas.height:
            continue
        for row, start in product((line, line - 1, line + 1), (end, 0, end // 2, end // 4, 3 * end // 4)):
            cells = [(column, row) for column in range(start, start + len(text))]
            if 0 <= row < canvas.height and names.keys().isdisjoint(cells):
                place = row * canvas.width + start
                inks = canvas.inks[place : place + len(text)]
                if all(ink in (AXIS, LINE) for ink in inks):
                    names.update(zip(cells, ((char, LINE) for char in text), strict=True))
                    break
    return names


def _x_axis(chart: Chart, scale: Scale, width: int, margin: int, ascii_only: bool) -> tuple[Row, Row]:
    corner, line, notch = ("+", "-", "+") if ascii_only else ("└", "─", "┬")
    axis: list[Cell] = [(char, AXIS) for char in [*" " * margin, corner, *line * width]]
    labels = [" "] * (margin + 1 + width)
    free = 0
    for value in scale.x.ticks:
        column = margin + 1 + _column(scale, width, value)
        axis[column] = (notch, AXIS)
        text = time_text(value) if chart.unit == "time" else tick_text(value, scale.x.step)
        start = min(max(column - len(text) // 2, 0), len(labels) - len(text))
        if start >= free:
            labels[start : start + len(text)] = text
            free = start + len(text) + 1
    saved, best = ("o", "*") if ascii_only else ("◆", "★")
    for mark in sorted(chart.marks, key=lambda mark: mark.best):
        if scale.x.low <= mark.x <= scale.x.high:
            axis[margin + 1 + _column(scale, width, mark.x)] = (best if mark.best else saved, MARK)
    return tuple(axis), _cells(labels)


def _cells(chars: Iterable[str]) -> Row:
    return tuple((char, AXIS) for char in chars)
