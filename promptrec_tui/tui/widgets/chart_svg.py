"""A line chart as an SVG picture, drawn from the data. Pure."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from rich.cells import cell_len

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.axes import log_text, tick_text, time_text
from promptrec_tui.tui.widgets.chart import (
    Chart,
    Point,
    Scale,
    drawable,
    ends_of,
    in_window,
    scale_within,
    value_text,
)

WIDTH, HEIGHT = 800, 450
LEFT, RIGHT, TOP, BOTTOM = 75, 20, 56, 48
LEGEND_LINE = 18
COLUMNS, ROWS = 96, 24
"""The cells of a terminal for which the axes get as many ticks."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Those of Okabe and Ito, which people with any colour vision tell apart."""

GREY, INK = "#8a8a8a", "#222222"


def svg_of(chart: Chart) -> str:
    """The whole picture: title, legend, axes with ticks, lines to compare with, curves and marks."""
    ends = ends_of(chart)
    legend, lower = _legend(chart)
    height = HEIGHT + lower
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(LEFT, 20, chart.title, "start", 'font-size="15" font-weight="bold"'),
    ]
    if ends is None:
        parts.append(_text(WIDTH / 2, HEIGHT / 2, "no values to draw", "middle"))
    else:
        scale = scale_within(chart, ends, COLUMNS, ROWS)
        plot = [*_axes(chart, scale), *_lines(chart, scale), *_curves(chart, scale)]
        parts += [*legend, f'<g transform="translate(0 {lower})">', *plot, "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(scale: Scale, value: float) -> float:
    return LEFT + scale.x.share(value) * (WIDTH - LEFT - RIGHT)


def _y(scale: Scale, level: float) -> float:
    # A damaged log may hold 1e300.
    share = min(max(scale.y.share(level), -1.0), 2.0)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(clean(text))}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _legend(chart: Chart) -> tuple[list[str], int]:
    """The names and last values of the curves, and by how much more than one line lowers the plot."""
    parts: list[str] = []
    x, lower = float(LEFT), 0
    for number, series in enumerate(chart.series):
        if series.measured:
            colour = COLOURS[number % len(COLOURS)]
            text = f"{series.name} {value_text(series.measured[-1][1])}"
            width = 44 + 7 * cell_len(text)
            if x > LEFT and x + width > WIDTH:
                x, lower = float(LEFT), lower + LEGEND_LINE
            y = 36 + lower
            parts.append(_line(x, y, x + 18, y, f'stroke="{colour}" stroke-width="2"'))
            parts.append(_text(x + 24, y + 4, text, "start"))
            x += width
    return parts, lower


def _axes(chart: Chart, scale: Scale) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for level in scale.y.ticks:
        y = _y(scale, level)
        yield _line(LEFT, y, right, y, 'stroke="#e4e4e4"')
        label = log_text(level) if scale.log else tick_text(level, scale.y.step)
        yield _text(LEFT - 8, y + 4, label, "end")
    for value in scale.x.ticks:
        x = _x(scale, value)
        yield _line(x, bottom, x, bottom + 5, f'stroke="{GREY}"')
        label = time_text(value) if chart.unit == "time" else tick_text(value, scale.x.step)
        yield _text(x, bottom + 19, label, "middle")
    yield _line(LEFT, TOP, LEFT, bottom, f'stroke="{GREY}"')
    yield _line(LEFT, bottom, right, bottom, f'stroke="{GREY}"')
    yield _text((LEFT + right) / 2, HEIGHT - 10, chart.unit, "middle", f'fill="{GREY}"')
    for mark in chart.marks:
        if scale.x.low <= mark.x <= scale.x.high:
            colour, name = (COLOURS[1], "kept checkpoint") if mark.best else (GREY, "checkpoint")
            x = _x(scale, mark.x)
            yield (
                f'<path d="M{x:.1f} {bottom - 6} l4 6 l-4 6 l-4 -6 z" fill="{colour}">'
                f"<title>{name}, {chart.unit} {mark.x:g}</title></path>"
            )


def _lines(chart: Chart, scale: Scale) -> Iterator[str]:
    for name, value in chart.lines:
        if drawable(value, chart.log):
            y = _y(scale, scale.level(value))
            if TOP - 1 <= y <= HEIGHT - BOTTOM + 1:
                yield _line(LEFT, y, WIDTH - RIGHT, y, f'stroke="{GREY}" stroke-dasharray="5 4"')
                yield _text(WIDTH - RIGHT, y - 4, f"{name} {value_text(value)}", "end", f'fill="{GREY}"')


def _curves(chart: Chart, scale: Scale) -> Iterator[str]:
    for number, series in enumerate(chart.series):
        colour = COLOURS[number % len(COLOURS)]
        for piece in _pieces(in_window(series.raw, chart), scale):
            for x, y in piece:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2" fill="{colour}" opacity="0.3"/>'
        for piece in _pieces(in_window(series.points, chart), scale):
            if len(piece) == 1:
                yield f'<circle cx="{piece[0][0]:.1f}" cy="{piece[0][1]:.1f}" r="2" fill="{colour}"/>'
            else:
                places = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
                yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _pieces(points: Sequence[Point], scale: Scale) -> Iterator[list[tuple[float, float]]]:
    """The parts of a curve between its gaps, as places in the picture."""
    piece: list[tuple[float, float]] = []
    for x, value in points:
        if value is not None and drawable(value, scale.log):
            piece.append((_x(scale, x), _y(scale, scale.level(value))))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece
