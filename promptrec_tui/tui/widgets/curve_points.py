"""Places on curves: the value at a step, the best one, gaps, spikes. Pure."""

import math
import statistics
from bisect import bisect_right
from collections.abc import Sequence

from promptrec_tui.tui.widgets.chart import Point, finite

NEIGHBOURS = 10
"""The points on each side that a spike is compared with."""

SPREADS = 6.0
"""How many robust standard deviations a spike is away from the median of its neighbourhood."""

SHARE_OF_RANGE = 0.02
"""The least distance of a spike, as a share of the range of the curve."""

TO_DEVIATION = 1.4826
"""The standard deviation of normal values over their median absolute deviation."""


def steps_of(curves: Sequence[Sequence[Point]]) -> list[float]:
    """All steps at which one of the curves has a point, in order."""
    return sorted({x for points in curves for x, _ in points})


def point_before(points: Sequence[Point], step: float) -> Point | None:
    """The last point at or before a step."""
    place = bisect_right(points, step, key=lambda point: point[0])
    return points[place - 1] if place else None


def best_place(points: Sequence[Point], lowest: bool = False) -> float | None:
    """The first step of the highest (or lowest) value."""
    values = [(y, x) for x, y in points if y is not None and math.isfinite(y)]
    if not values:
        return None
    top = min(values)[0] if lowest else max(values)[0]
    return min(x for y, x in values if y == top)


def gaps(points: Sequence[Point]) -> list[float]:
    """The first step of each row of points without a number."""
    lacking = [not finite(y) for _, y in points]
    return [x for place, (x, _) in enumerate(points) if lacking[place] and not (place and lacking[place - 1])]


def spikes(points: Sequence[Point]) -> list[float]:
    """The steps of the values that lie far from all around them, the farthest of each group of neighbours.

    Hampel's rule: farther from the median of the neighbourhood than `SPREADS` standard deviations, estimated
    by the median absolute deviation.
    """
    numbers = [(x, y) for x, y in points if y is not None and math.isfinite(y)]
    if len(numbers) < NEIGHBOURS:
        return []
    values = [y for _, y in numbers]
    least = (max(values) - min(values)) * SHARE_OF_RANGE
    far: list[tuple[int, float, float]] = []
    for place, (x, y) in enumerate(numbers):
        around = values[max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 1]
        middle = statistics.median(around)
        spread = statistics.median([abs(value - middle) for value in around]) * TO_DEVIATION
        distance = abs(y - middle)
        if distance > max(SPREADS * spread, least):
            far.append((place, distance, x))
    peaks: list[tuple[int, float, float]] = []
    for spike in far:
        if peaks and spike[0] - peaks[-1][0] <= 2:
            peaks[-1] = (spike[0], *max(peaks[-1][1:], spike[1:]))
        else:
            peaks.append(spike)
    return [x for _, _, x in peaks]


def next_place(places: Sequence[float], step: float | None) -> float | None:
    """The first place after `step`; after the last one the first again. None if there is none."""
    if not places:
        return None
    ordered = sorted(places)
    return next((place for place in ordered if step is not None and place > step), ordered[0])
