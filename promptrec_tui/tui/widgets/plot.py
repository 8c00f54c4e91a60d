"""Line charts as rows of characters: scale, ticks, raster. Pure; knows no terminal and no widget.

Braille characters hold 2 by 4 dots a cell; with ASCII only, one mark a cell. A value that is not a number is
a gap: its neighbours are not joined. The x-axis counts whole steps and grows by leaps, and the y-axis ends at
round numbers, so that one more point changes few cells.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

AXIS, LINE, TITLE = -1, -2, -3
"""Inks besides those of the series, which are the series' numbers."""

Cell = tuple[str, int]
Row = tuple[Cell, ...]
Point = tuple[float, float | None]

BLANK: Cell = (" ", AXIS)
SMALLEST_WIDTH, SMALLEST_HEIGHT = 20, 5

_SIGNS = "━╍┈╾┅╌"
"""Marks of the first curves in the legend: one solid, the others dashed, so that no colour is needed."""

_DASHES = ((1, 1), (4, 6), (2, 5), (9, 11), (6, 8), (3, 6))
"""Dash patterns of the first curves, in columns of dots: (drawn, of)."""

_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_MARKS = "*+ox%#"
_GROWTH = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Series:
    """One curve; its points have increasing x. Names are ASCII.

    `best`: the legend shows the highest value too.
    """

    name: str
    points: Sequence[Point]
    best: bool = False


@dataclass(frozen=True)
class Chart:
    """What to draw: curves, and horizontal lines (name, value) to compare them with.

    The y-axis stays inside `bounds`, for example 0 to 1.
    """

    title: str
    series: tuple[Series, ...]
    lines: tuple[tuple[str, float], ...] = ()
    bounds: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True)
class Scale:
    """Two axes in data units."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]


def finite(value: float | None) -> bool:
    """Whether it is a number that can be drawn."""
    return value is not None and math.isfinite(value)


def grown(value: float) -> float:
    """The smallest end of the x-axis that holds `value`: one of `_GROWTH` times a power of ten."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in _GROWTH if power * step >= value * (1 - 1e-12))


def tick_step(low: float, high: float, count: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides low…high into about `count` parts at most."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next((step for step in (1.0, 2.0, 5.0) if power * step >= rough * (1 - 1e-9)), 10.0)


def ticks(low: float, high: float, step: float) -> tuple[float, ...]:
    """The multiples of `step` in low…high."""
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return tuple(number * step for number in range(first, last + 1))


def tick_text(value: float, step: float) -> str:
    """A tick's label: no more decimals than its step needs, powers of ten for very small or large numbers."""
    if abs(value) < step * 1e-6:
        return "0"
    size = max(abs(value), step)
    if step < 1e-3 or size >= 1e6:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def value_text(value: float | None) -> str:
    """A measured value for the legend."""
    if value is None or not math.isfinite(value):
        return "nan"
    return f"{value:.2e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def scale_of(chart: Chart, width: int, height: int) -> Scale | None:
    """The axes for a plot of that many cells; None when there is no finite value."""
    points = [
        (x, y) for series in chart.series for x, y in series.points if y is not None and math.isfinite(y)
    ]
    if not points:
        return None
    values = [y for _, y in points] + [value for _, value in chart.lines if math.isfinite(value)]
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = abs(high) * 0.5 or 0.5
        low, high = low - margin, high + margin
    low, high = max(low, chart.bounds[0]), min(high, chart.bounds[1])
    step = tick_step(low, high, max(2, height // 3))
    bottom, top = math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step
    right = grown(max(x for x, _ in points))
    # Steps are whole numbers.
    x_step = max(1.0, tick_step(0, right, max(2, width // 12)))
    return Scale((0, right), (bottom, top), ticks(0, right, x_step), ticks(bottom, top, step))


@dataclass
class Canvas:
    """Dots in cells, `per_cell` dots across and down. The last ink used in a cell colours the whole cell."""

    width: int
    height: int
    per_cell: tuple[int, int]
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    inks: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        return self.width * self.per_cell[0]

    @property
    def rows(self) -> int:
        return self.height * self.per_cell[1]

    def dot(self, column: int, row: int, ink: int) -> None:
        """Set one dot, counted from the left and from the top."""
        if 0 <= column < self.columns and 0 <= row < self.rows:
            across, down = self.per_cell
            cell = (column // across, row // down)
            self.dots[cell] = self.dots.get(cell, 0) | _BITS[column % across][row % down]
            self.inks[cell] = ink

    def join(
        self, start: tuple[int, int], end: tuple[int, int], ink: int, dash: tuple[int, int] = (1, 1)
    ) -> None:
        """A straight line of dots from `start` to `end`, with a dash pattern of columns."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for number in range(steps + 1):
            share = number / steps
            column = round(start[0] + (end[0] - start[0]) * share)
            if self.per_cell == (1, 1) or column % dash[1] < dash[0]:
                self.dot(column, round(start[1] + (end[1] - start[1]) * share), ink)

    def cell(self, column: int, row: int) -> Cell:
        """The character of one cell and its ink."""
        mask = self.dots.get((column, row), 0)
        if not mask:
            return BLANK
        ink = self.inks[(column, row)]
        if self.per_cell == (1, 1):
            return ("-" if ink == LINE else _MARKS[ink % len(_MARKS)], ink)
        return (chr(0x2800 + mask), ink)


def draw_chart(chart: Chart, width: int, height: int, ascii_only: bool = False) -> tuple[Row, ...]:
    """`height` rows of `width` cells: the legend on top, then the plot with its axes."""
    if width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        return tuple(_row("too small for a chart" if not number else "", width) for number in range(height))
    legend = _legend(chart, width, ascii_only)
    rough = scale_of(chart, width, height - 3)
    if rough is None:
        rest = [_row("", width) for _ in range(height - 1)]
        rest[(height - 1) // 2] = _row(f"{'no points yet':^{width}}", width)
        return (legend, *rest)
    y_labels = _y_labels(rough)
    margin = max(len(text) for text in y_labels.values())
    canvas = Canvas(width - margin - 1, height - 3, (1, 1) if ascii_only else (2, 4))
    scale = scale_of(chart, canvas.width, canvas.height) or rough
    _draw(chart, scale, canvas)
    names = _line_names(chart, scale, canvas)
    labels = {_cell_row(scale, canvas, value): text for value, text in _y_labels(scale).items()}
    vertical, notch = ("|", "+") if ascii_only else ("│", "┤")
    rows = []
    for number in range(canvas.height):
        label = f"{labels.get(number, ''):>{margin}}{notch if number in labels else vertical}"
        body = [names.get((column, number)) or canvas.cell(column, number) for column in range(canvas.width)]
        rows.append((*((char, AXIS) for char in label), *body))
    return (legend, *rows, *_x_axis(scale, canvas.width, margin, ascii_only))


def _row(text: str, width: int, ink: int = AXIS) -> Row:
    return tuple((char, ink) for char in f"{text:<{width}}"[:width])


def _y_labels(scale: Scale) -> dict[float, str]:
    step = scale.y_ticks[1] - scale.y_ticks[0] if len(scale.y_ticks) > 1 else scale.y[1] - scale.y[0]
    return {value: tick_text(value, step) for value in scale.y_ticks}


def _cell_row(scale: Scale, canvas: Canvas, value: float) -> int:
    """The row of cells that contains the dot of a value."""
    dot = round((scale.y[1] - value) / (scale.y[1] - scale.y[0]) * (canvas.rows - 1))
    return dot // canvas.per_cell[1]


def _legend(chart: Chart, width: int, ascii_only: bool) -> Row:
    cells: list[Cell] = [(char, TITLE) for char in chart.title]
    for number, series in enumerate(chart.series):
        if series.points:
            mark = _MARKS[number % len(_MARKS)] if ascii_only else _SIGNS[number % len(_SIGNS)]
            gap = next((f" gap at {x:g}" for x, y in series.points if not finite(y)), "")
            values = [y for _, y in series.points if y is not None and math.isfinite(y)]
            best = f", best {value_text(max(values))}" if series.best and values else ""
            text = f"  {mark} {series.name} {value_text(series.points[-1][1])}{best}{gap}"
            cells.extend((char, number) for char in text)
    return tuple([*cells, *_row("", width)][:width])


def _draw(chart: Chart, scale: Scale, canvas: Canvas) -> None:
    def place(x: float, y: float) -> tuple[int, int]:
        # A damaged log may contain 1e300: a line to it must not take 1e300 dots.
        across = _near((x - scale.x[0]) / (scale.x[1] - scale.x[0]))
        down = _near((scale.y[1] - y) / (scale.y[1] - scale.y[0]))
        return round(across * (canvas.columns - 1)), round(down * (canvas.rows - 1))

    for _, value in chart.lines:
        row = place(0, value)[1]
        for column in range(0, canvas.columns, 3):
            canvas.dot(column, row, LINE)
    for ink, series in enumerate(chart.series):
        before: tuple[int, int] | None = None
        for x, y in series.points:
            if y is None or not math.isfinite(y):
                before = None
                continue
            here = place(x, y)
            canvas.join(before or here, here, ink, _DASHES[ink % len(_DASHES)] if before else (1, 1))
            before = here


def _near(share: float) -> float:
    """A place along an axis, 0 to 1 on the canvas, moved to within one canvas of it."""
    return min(max(share, -1.0), 2.0)


def _line_names(chart: Chart, scale: Scale, canvas: Canvas) -> dict[tuple[int, int], Cell]:
    """Write the names of the lines on or beside them, at the right end or where no curve and no name is."""
    names: dict[tuple[int, int], Cell] = {}
    for name, value in sorted(chart.lines, key=lambda line: -line[1]):
        text = f" {name} {value_text(value)} "[: canvas.width]
        end = canvas.width - len(text)
        line = _cell_row(scale, canvas, value)
        for row, start in product((line, line - 1, line + 1), (end, 0, end // 2, end // 4, 3 * end // 4)):
            cells = [(column, row) for column in range(start, start + len(text))]
            curved = any(canvas.inks.get(cell, LINE) != LINE for cell in cells)
            if 0 <= row < canvas.height and not curved and names.keys().isdisjoint(cells):
                names.update(zip(cells, ((char, LINE) for char in text), strict=True))
                break
    return names


def _x_axis(scale: Scale, width: int, margin: int, ascii_only: bool) -> tuple[Row, Row]:
    corner, line, notch = ("+", "-", "+") if ascii_only else ("└", "─", "┬")
    axis = [" "] * margin + [corner] + [line] * width
    labels = [" "] * (margin + 1 + width)
    step = scale.x_ticks[1] - scale.x_ticks[0] if len(scale.x_ticks) > 1 else scale.x[1]
    free = 0
    for value in scale.x_ticks:
        column = margin + 1 + round(value / scale.x[1] * (width - 1))
        axis[column] = notch
        text = tick_text(value, step)
        start = min(max(column - len(text) // 2, 0), len(labels) - len(text))
        if start >= free:
            labels[start : start + len(text)] = text
            free = start + len(text) + 1
    return _cells(axis), _cells(labels)


def _cells(chars: Iterable[str]) -> Row:
    return tuple((char, AXIS) for char in chars)
