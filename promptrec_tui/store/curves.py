"""Queries for reading curves: ranges of steps, smooth curves, times and epochs, checkpoints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_

from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.series import Point, all_points, thin, thin_series


@dataclass(frozen=True)
class CurveRange:
    """Curves by metric name within a range of steps: `raw` as measured, `smooth` empty without smoothing."""

    raw: Mapping[str, Sequence[Point]]
    smooth: Mapping[str, Sequence[Point]]


@dataclass(frozen=True)
class Moment:
    """A step of training, the seconds of work since the first one (pauses left out), and the epoch."""

    step: int
    seconds: float
    epoch: float


def curve_range(
    catalogue: Catalogue,
    run_id: str,
    names: Sequence[str],
    window: tuple[float, float] | None = None,
    weight: float = 0.0,
    max_points: int = 400,
) -> CurveRange:
    """The points of each named metric from the first to the last step of `window` (None is all), thinned.

    The nearest point on each side of the range belongs to it, so that a line leads to it. With a `weight`
    from 0 to 1 there are smooth curves too: they are computed of all points before they are thinned.
    """
    raw: dict[str, list[Point]] = {}
    smooth: dict[str, list[Point]] = {}
    for name in names:
        raw[name] = thin_series(catalogue, run_id, name, max_points, window)
        if weight:
            points = all_points(catalogue, run_id, name)
            smooth[name] = thin(_within(smoothed(points, weight), window), max_points)
    return CurveRange(raw, smooth)


def smoothed(points: Sequence[Point], weight: float) -> list[Point]:
    """The exponential moving average of a curve, without the bias towards 0 at its beginning.

    With m₀ = 0, the n-th number yₙ has mₙ = w·mₙ₋₁ + (1 - w)·yₙ, and mₙ / (1 - wⁿ) is shown, as Adam (Kingma
    and Ba 2015, section 3) and wandb do it. A gap stays a gap and counts for nothing.
    """
    average, bias = 0.0, 1.0
    smooth: list[Point] = []
    for step, value in points:
        if value is not None:
            average = weight * average + (1 - weight) * value
            bias *= weight
        smooth.append((step, None if value is None else average / (1 - bias)))
    return smooth


def moments(catalogue: Catalogue, run_id: str, max_points: int = 400) -> list[Moment]:
    """About `max_points` moments of a run in the order of steps, the first and the last of each attempt too.

    What an attempt repeated counts in place of what an earlier one had done.
    """
    moment = tables.Moment
    of_run = moment.run_id == run_id
    first, last = (
        select(moment.attempt, end(moment.seq)).where(of_run).group_by(moment.attempt)
        for end in (func.min, func.max)
    )
    with catalogue.read() as session:
        count = session.scalar(select(func.count()).where(of_run)) or 0
        key = tuple_(moment.attempt, moment.seq)
        kept = (moment.seq % max(1, count // max_points) == 0) | key.in_(first) | key.in_(last)
        query = select(moment.attempt, moment.step, moment.time, moment.epoch).where(of_run, kept)
        rows = session.execute(query.order_by(moment.attempt, moment.seq))
        return training_times((attempt, step, time, epoch) for attempt, step, time, epoch in rows)


def training_times(rows: Iterable[tuple[int, int, float, float]]) -> list[Moment]:
    """Moments of (attempt, step, epoch seconds, epoch) rows in the order in which they were written.

    Time between attempts does not count, nor a clock that was set back.
    """
    line: list[Moment] = []
    worked, before, last_attempt = 0.0, 0.0, None
    for attempt, step, time, epoch in rows:
        if attempt == last_attempt:
            worked += max(0.0, time - before)
        before, last_attempt = time, attempt
        while line and line[-1].step >= step:
            line.pop()
        line.append(Moment(step, worked, epoch))
    return line


def checkpoint_steps(catalogue: Catalogue, run_id: str) -> list[int]:
    """The steps at which checkpoints were saved, each once, in order."""
    step = tables.Checkpoint.step
    query = select(step).distinct().where(tables.Checkpoint.run_id == run_id).order_by(step)
    with catalogue.read() as session:
        return list(session.scalars(query))


def _within(points: Sequence[Point], window: tuple[float, float] | None) -> Sequence[Point]:
    """The points of a range with its neighbours."""
    if window is None:
        return points
    inside = [place for place, (step, _) in enumerate(points) if window[0] <= step <= window[1]]
    if not inside:
        first = next((place for place, (step, _) in enumerate(points) if step > window[1]), len(points))
        return points[max(0, first - 1) : first + 1]
    return points[max(0, inside[0] - 1) : inside[-1] + 2]
