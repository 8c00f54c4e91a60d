"""What a line chart shows, and the axes it needs. Pure; knows no terminal and no widget."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from promptrec_tui.tui.widgets.axes import Axis, grown, grown_by_ticks, log_axis, time_text, x_axis, y_axis

Point = tuple[float, float | None]


@dataclass(frozen=True)
class Series:
    """One curve; its points have increasing x. Names are ASCII.

    `best`: the legend shows the highest value too. `raw`: the values as they were measured, if `points` are a
    smooth curve through them; they are faint dots behind it, and legend and cursor tell of them.
    """

    name: str
    points: Sequence[Point]
    best: bool = False
    raw: Sequence[Point] = ()

    @property
    def measured(self) -> Sequence[Point]:
        """The values as they were measured."""
        return self.raw or self.points


@dataclass(frozen=True)
class Mark:
    """A place on the x-axis where a checkpoint was saved; `best`: the one that was kept."""

    x: float
    best: bool = False


@dataclass(frozen=True)
class Chart:
    """What to draw: curves, and horizontal lines (name, value) to compare them with.

    The ticks of the y-axis stay inside `bounds`, for example 0 to 1. `window`: the range of x that is drawn;
    None is all, from 0 on. `log`: a logarithmic y-axis, on which a value of 0 or less is a gap. `unit`: one
    of `axes.UNITS`.
    """

    title: str
    series: tuple[Series, ...]
    lines: tuple[tuple[str, float], ...] = ()
    bounds: tuple[float, float] = (-math.inf, math.inf)
    window: tuple[float, float] | None = None
    log: bool = False
    unit: str = "step"
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Scale:
    """Two axes in data units; `y` in powers of ten if `log`."""

    x: Axis
    y: Axis
    log: bool = False

    def level(self, value: float) -> float:
        """A value as the y-axis measures it."""
        return math.log10(value) if self.log else value


def finite(value: float | None) -> bool:
    """Whether it is a number that can be drawn."""
    return value is not None and math.isfinite(value)


def value_text(value: float | None) -> str:
    """A measured value for the legend."""
    if value is None or not math.isfinite(value):
        return "nan"
    return f"{value:.2e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def place_text(x: float, unit: str) -> str:
    """A place on the x-axis: a step, an epoch or a time."""
    return time_text(x) if unit == "time" else f"{x:g}" if x % 1 else f"{x:.0f}"


def drawable(value: float | None, log: bool = False) -> bool:
    """Whether a value has a place on the y-axis: finite, and above 0 if that is logarithmic."""
    return value is not None and math.isfinite(value) and (value > 1e-200 or not log)


def scale_of(chart: Chart, width: int, height: int) -> Scale | None:
    """The axes for a plot of that many cells; None when there is no value to draw."""
    ends = ends_of(chart)
    return scale_within(chart, ends, width, height) if ends else None


def ends_of(chart: Chart) -> tuple[float, float, float] | None:
    """The last x, the lowest and the highest value to draw; None when there is none."""
    values: list[float] = []
    last = 0.0
    for series in chart.series:
        for curve in (series.points, series.raw):
            drawn = in_window(curve, chart)
            here = [y for _, y in drawn if y is not None and drawable(y, chart.log)]
            if here:
                values += (min(here), max(here))
                last = max(last, next(x for x, y in reversed(drawn) if drawable(y, chart.log)))
    if not values:
        return None
    if chart.window is None:
        values += [value for _, value in chart.lines if drawable(value, chart.log)]
    return last, min(values), max(values)


def scale_within(chart: Chart, ends: tuple[float, float, float], width: int, height: int) -> Scale:
    """The axes for values with these `ends_of` a chart, in a plot of that many cells."""
    last, lowest, highest = ends
    low, high = chart.window or (0.0, grown(last))
    if chart.window is None and chart.unit != "step":
        high = grown_by_ticks(last, chart.unit)
    across = x_axis(low, high, width, chart.unit)
    if chart.log:
        return Scale(across, log_axis(math.log10(lowest), math.log10(highest), height), True)
    return Scale(across, y_axis(lowest, highest, height, chart.bounds))


def in_window(points: Sequence[Point], chart: Chart) -> Sequence[Point]:
    """The points of a curve that are drawn."""
    return cut(points, *chart.window, chart.log) if chart.window else points


def cut(points: Sequence[Point], low: float, high: float, log: bool = False) -> list[Point]:
    """The points with x in low…high, and where a curve crosses an end of that range the point there."""
    first = bisect_left(points, low, key=lambda point: point[0])
    after = bisect_right(points, high, key=lambda point: point[0])
    inside = list(points[first:after])
    entry = exit = None
    if 0 < first < len(points) and (first == after or points[first][0] > low):
        entry = _between(points[first - 1], points[first], low, log)
    if 0 < after < len(points) and (first == after or points[after - 1][0] < high):
        exit = _between(points[after - 1], points[after], high, log)
    return [*([entry] if entry else ()), *inside, *([exit] if exit else ())]


def _between(before: Point, after: Point, x: float, log: bool) -> Point | None:
    """The point at `x` of the straight line that is drawn; None at a gap."""
    (left, start), (right, stop) = before, after
    if start is None or stop is None or not (drawable(start, log) and drawable(stop, log)):
        return None
    share = (x - left) / (right - left)
    if log:
        return (x, 10.0 ** (math.log10(start) + (math.log10(stop) - math.log10(start)) * share))
    return (x, start + (stop - start) * share)
