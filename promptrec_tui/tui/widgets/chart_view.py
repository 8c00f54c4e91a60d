"""How curves are looked at: cursor, range of steps, smoothing, scale, unit. Pure.

All charts of a run share one view. Places are steps, whatever the x-axis shows.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptrec_tui.tui.widgets.axes import UNITS, tick_step

WEIGHTS = (0.0, 0.6, 0.9, 0.99)
"""Weights of smoothing; 0 is none."""

NEWEST = math.inf
"""The last step, also of those to come."""

SMALLEST_SPAN = 4.0
"""The fewest steps that are shown."""

ZOOM = 2.0
PAGE = 0.25
"""The part of the range that a page moves on."""

MARGIN = 0.1
"""The part of the range that stays between its end and a cursor that moves it."""


@dataclass(frozen=True)
class ChartView:
    """`cursor`: the step of the cursor; None is no cursor. `span`: the number of steps shown; None is all.

    `end`: the last step shown. Cursor and end may be `NEWEST`: they follow a run that goes on.
    """

    cursor: float | None = None
    span: float | None = None
    end: float = NEWEST
    weight: float = 0.0
    log: bool = False
    unit: str = UNITS[0]


def window_of(view: ChartView, last: float) -> tuple[float, float] | None:
    """The first and the last step shown, of a run at step `last`; None is all.

    An end that follows the run leaps by parts of the range, so that one more point moves no other.
    """
    if view.span is None:
        return None
    end = view.end
    if math.isinf(end):
        leap = tick_step(0, view.span, 8)
        end = math.ceil(last / leap) * leap
    low = max(0.0, end - view.span)
    return low, low + view.span


def cursor_of(view: ChartView, steps: Sequence[float]) -> float | None:
    """The step of the cursor, of a curve with these steps; None if there is no cursor or no step."""
    if view.cursor is None or not steps:
        return None
    return steps[-1] if math.isinf(view.cursor) else view.cursor


def moved(view: ChartView, steps: Sequence[float], by: int) -> ChartView:
    """The cursor `by` points further on a curve with these increasing steps; the first move shows it.

    It appears at the last point in sight. The range follows it, and no longer the run.
    """
    if not steps:
        return view
    here = cursor_of(view, steps)
    if here is None:
        ends = window_of(view, steps[-1])
        place = bisect_right(steps, ends[1]) - 1 if ends else len(steps) - 1
    else:
        before, after = bisect_left(steps, here), bisect_right(steps, here)
        # From a step between two points the first move leads to the neighbour.
        place = after - 1 + by if by > 0 else before + by
    return placed(view, steps[min(max(place, 0), len(steps) - 1)], steps[-1])


def paged(view: ChartView, steps: Sequence[float], by: int) -> ChartView:
    """The cursor a part of the range further, at least one point."""
    here = cursor_of(view, steps)
    if here is None or not steps:
        return moved(view, steps, by)
    target = here + by * PAGE * (view.span or steps[-1])
    place = bisect_left(steps, target) if by > 0 else bisect_right(steps, target) - 1
    page = placed(view, steps[min(max(place, 0), len(steps) - 1)], steps[-1])
    return page if page.cursor != view.cursor else moved(view, steps, by)


def placed(view: ChartView, step: float, last: float) -> ChartView:
    """The cursor at a step; a range that does not hold it moves there."""
    ends = window_of(view, last)
    if ends is None or view.span is None:
        return replace(view, cursor=step)
    room = view.span * MARGIN
    low, high = ends
    if step < low:
        high = max(view.span, step - room + view.span)
    elif step > high:
        high = step + room
    return replace(view, cursor=step, end=high)


def at_newest(view: ChartView) -> ChartView:
    """The cursor at the last point, and with it the range: they follow the run."""
    return replace(view, cursor=NEWEST, end=NEWEST)


def zoomed(view: ChartView, last: float, times: float) -> ChartView:
    """So many times fewer steps around the cursor, which keeps its place; without one the end keeps it."""
    ends = window_of(view, last)
    low, high = ends or (0.0, last)
    span = (high - low) / times
    if span >= last:
        return replace(view, span=None, end=NEWEST)
    if last <= SMALLEST_SPAN:
        return view
    span = min(max(span, SMALLEST_SPAN), last)
    if view.cursor is None or math.isinf(view.cursor):
        return replace(view, span=span)
    share = min(max((view.cursor - low) / (high - low), 0.0), 1.0)
    end = view.cursor + span * (1 - share)
    return replace(view, span=span, end=min(max(end, span), max(last, view.cursor)))


def whole(view: ChartView) -> ChartView:
    """All steps, without a cursor; follows the run."""
    return replace(view, cursor=None, span=None, end=NEWEST)


def smoother(view: ChartView) -> ChartView:
    """The next weight of `WEIGHTS`, round and round."""
    return replace(view, weight=WEIGHTS[(WEIGHTS.index(view.weight) + 1) % len(WEIGHTS)])


def other_scale(view: ChartView) -> ChartView:
    """The y-axis logarithmic instead of linear, or back."""
    return replace(view, log=not view.log)


def other_unit(view: ChartView, units: Sequence[str]) -> ChartView:
    """The next of `units` for the x-axis, round and round."""
    place = units.index(view.unit) if view.unit in units else -1
    return replace(view, unit=units[(place + 1) % len(units)])
