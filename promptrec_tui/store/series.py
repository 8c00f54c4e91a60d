"""The curve of a metric: its points, few enough to draw."""

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import ColumnElement, Integer, distinct, func, select, type_coerce

from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue

Point = tuple[int, float | None]
"""A step of a curve, and the value there; None where it was not a number."""

MANY = 20_000
"""Points above which SQLite thins a curve: a million rows would take Python seconds, and the screen waits."""


def metric_series(
    catalogue: Catalogue, run_id: str, names: Sequence[str], max_points: int = 400
) -> dict[str, list[Point]]:
    """The (step, value) points of each named metric in step order, value None where it was not a number.

    Where a later attempt repeated a step, its value counts. More than `max_points` are thinned: least and
    greatest value of every stretch stay, and a gap stays a gap. A name without points has an empty list.
    """
    return {name: thin_series(catalogue, run_id, name, max_points) for name in names}


def thin_series(
    catalogue: Catalogue,
    run_id: str,
    name: str,
    max_points: int = 400,
    window: tuple[float, float] | None = None,
) -> list[Point]:
    """One curve of `metric_series`, from the first to the last step of `window` (None is all).

    The nearest point on each side of a range belongs to it, so that a line leads to it.
    """
    step = tables.Metric.step
    points = _points_where(run_id, name)
    with catalogue.read() as session:
        if window:
            before = session.scalar(select(func.max(step)).where(*points, step < window[0]))
            after = session.scalar(select(func.min(step)).where(*points, step > window[1]))
            points += [step >= (window[0] if before is None else before)]
            points += [step <= (window[1] if after is None else after)]
        counts = (func.count(), func.count(distinct(step)), func.min(step), func.max(step))
        count, different, first, last = session.execute(select(*counts).where(*points)).one()
    if count > MANY and count == different:
        return _thinned(catalogue, points, first, last, max_points)
    return thin(_read(catalogue, points), max_points)


def all_points(catalogue: Catalogue, run_id: str, name: str) -> list[Point]:
    """All points of a metric, as in `metric_series`."""
    return _read(catalogue, _points_where(run_id, name))


def thin(points: Sequence[Point], max_points: int) -> list[Point]:
    """At most `max_points` (5 or more) of `points`, in their order.

    The first and the last point stay. The others are cut into equal stretches, of which each keeps its least
    and its greatest value, so that no spike is lost, and one gap (None) if it has any.
    """
    if len(points) <= max_points:
        return list(points)
    inner = points[1:-1]
    kept_of_each = 3 if any(value is None for _, value in inner) else 2
    stretches = max(1, (max_points - 2) // kept_of_each)
    bounds = [len(inner) * number // stretches for number in range(stretches + 1)]
    kept = [points[0]]
    for start, stop in pairwise(bounds):
        kept += _extremes(inner[start:stop])
    return [*kept, points[-1]]


def _extremes(stretch: Sequence[Point]) -> list[Point]:
    numbers = [(value, index) for index, (_, value) in enumerate(stretch) if value is not None]
    gaps = [index for index, (_, value) in enumerate(stretch) if value is None]
    kept = {min(numbers)[1], max(numbers)[1]} if numbers else set()
    return [stretch[index] for index in sorted(kept | set(gaps[:1]))]


def _points_where(run_id: str, name: str) -> list[ColumnElement[bool]]:
    return [tables.Metric.run_id == run_id, tables.Metric.name == name]


def _read(catalogue: Catalogue, points: Sequence[ColumnElement[bool]]) -> list[Point]:
    metric = tables.Metric
    query = select(metric.step, metric.value).where(*points)
    with catalogue.read() as session:
        rows = session.execute(query.order_by(metric.step, metric.attempt, metric.seq))
        return list({step: value for step, value in rows}.items())  # noqa: C416 (a result is no mapping)


def _thinned(
    catalogue: Catalogue, points: Sequence[ColumnElement[bool]], first: int, last: int, max_points: int
) -> list[Point]:
    """What `thin` keeps, by stretches of steps instead of points."""
    metric = tables.Metric
    kept: dict[int, float | None] = {}
    with catalogue.read() as session:
        lacking = session.scalar(select(func.count()).where(*points, metric.value.is_(None)))
        stretches = max(1, (max_points - 2) // (3 if lacking else 2))
        stretch = type_coerce((metric.step - first) * stretches // (last - first + 1), Integer)
        ends = select(metric.step, metric.value).where(*points, metric.step.in_((first, last)))
        kept |= {step: value for step, value in session.execute(ends)}  # noqa: C416 (a result is no mapping)
        for extreme in (func.min, func.max):
            # SQLite answers the step of the row that has the least or greatest value.
            query = select(metric.step, extreme(metric.value)).where(*points, metric.value.is_not(None))
            kept |= {step: value for step, value in session.execute(query.group_by(stretch))}  # noqa: C416
        gaps = select(func.min(metric.step)).where(*points, metric.value.is_(None)).group_by(stretch)
        kept |= dict.fromkeys(session.scalars(gaps))
    return sorted(kept.items())
