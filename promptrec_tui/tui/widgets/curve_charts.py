"""The charts of a run under a view: which curves, which points, which unit along x. Pure."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promptrec_tui.text import cases_text, metric_text
from promptrec_tui.tui.widgets.axes import UNITS
from promptrec_tui.tui.widgets.chart import Chart, Mark, Point, Series
from promptrec_tui.tui.widgets.chart_view import ChartView, window_of
from promptrec_tui.tui.widgets.curve_points import best_place, gaps, spikes, steps_of

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_views import CurveRange, Moment, RunView

SHARE, NO_BOUNDS = (0.0, 1.0), (-math.inf, math.inf)

COUNT = 5
"""The number of charts of a run."""


@dataclass(frozen=True)
class Sheet:
    """One chart: its title, and the metric of each curve by its name in the legend."""

    title: str
    metrics: Mapping[str, str]

    @property
    def ranking(self) -> bool:
        """Whether it is a metric between 0 and 1 of which more is better."""
        return "last" in self.metrics


@dataclass(frozen=True)
class Detail:
    """The points of a range of steps (None is all), with curves that were smoothed with `weight`."""

    window: tuple[float, float] | None
    weight: float
    curves: "CurveRange"


def sheets(run: "RunView") -> list[Sheet]:
    """The charts of a run."""
    cases = cases_text(run.monitor_users, run.noun)
    return [
        Sheet("loss", {"train": "train_loss", "validation": "validation_loss"}),
        *(Sheet(f"{metric_text(name)}, validation, {cases}", {"last": name}) for name in run.leading),
        Sheet("learning rate", {"rate": "learning_rate"}),
        Sheet("targets per second", {"speed": "targets_per_second"}),
    ]


def chart_of(run: "RunView", sheet: Sheet, view: ChartView, detail: Detail | None) -> Chart:
    """A chart of a run under a view, with the points of `detail` where it has them."""
    place = placing(run.moments, view.unit)
    window = window_of(view, last_step(run))
    series = []
    for label, metric in sheet.metrics.items():
        measured = _placed(points_of(run, metric, detail), place, view)
        smooth = _placed(_smooth_of(metric, view, detail), place, view)
        raw = measured if smooth else ()
        series.append(Series(label, smooth or measured, best=label == "last", raw=raw))
    return Chart(
        sheet.title,
        tuple(series),
        lines=_lines(sheet.metrics.get("last", ""), run.baselines),
        bounds=SHARE if sheet.ranking else NO_BOUNDS,
        window=(place(window[0]), place(window[1])) if window else None,
        log=view.log,
        unit=view.unit,
        marks=tuple(Mark(place(step), step == run.row.best_step) for step in marked_steps(run)),
    )


def _placed(points: Sequence[Point], place: Callable[[float], float], view: ChartView) -> Sequence[Point]:
    return points if view.unit == "step" else [(place(step), value) for step, value in points]


def marked_steps(run: "RunView") -> list[int]:
    """The steps of all checkpoints, that of the kept adapter among them."""
    best = [] if run.row.best_step is None else [run.row.best_step]
    return sorted({*run.checkpoints, *best})


def points_of(run: "RunView", metric: str, detail: Detail | None) -> Sequence[Point]:
    """The measured points of a metric: those of `detail` in its range, around it the thinned ones."""
    points: Sequence[Point] = run.curves.get(metric, [])
    part: Sequence[Point] = detail.curves.raw.get(metric, ()) if detail else ()
    if not part:
        return points
    before = [point for point in points if point[0] < part[0][0]]
    return [*before, *part, *(point for point in points if point[0] > part[-1][0])]


def _smooth_of(metric: str, view: ChartView, detail: Detail | None) -> Sequence[Point]:
    fits = detail is not None and view.weight and detail.weight == view.weight
    return detail.curves.smooth.get(metric, ()) if detail and fits else ()


def last_step(run: "RunView") -> float:
    """The last step of all curves."""
    return max((points[-1][0] for points in run.curves.values() if points), default=1.0)


def sheet_steps(run: "RunView", sheet: Sheet, detail: Detail | None) -> list[float]:
    """The steps at which a chart has a point: where the cursor can be."""
    return steps_of([points_of(run, metric, detail) for metric in sheet.metrics.values()])


def best_steps(run: "RunView", sheet: Sheet) -> list[float]:
    """The step of the best value: of a metric the highest, of the loss the lowest on validation.

    Rate and speed have no best value; there it is the step of the kept adapter.
    """
    if sheet.ranking:
        best = best_place(run.curves.get(sheet.metrics["last"], []))
    elif losses := [points for metric in sheet.metrics.values() if (points := _loss(run, metric))]:
        best = best_place(losses[-1], lowest=True)
    else:
        best = run.row.best_step
    return [] if best is None else [best]


def _loss(run: "RunView", metric: str) -> Sequence[Point]:
    return run.curves.get(metric, []) if metric.endswith("_loss") else []


def gap_steps(run: "RunView", sheet: Sheet, detail: Detail | None) -> list[float]:
    """Where values of a chart stop being numbers."""
    return [step for metric in sheet.metrics.values() for step in gaps(points_of(run, metric, detail))]


def spike_steps(run: "RunView", sheet: Sheet, detail: Detail | None) -> list[float]:
    """Where values of a chart lie far from their neighbours."""
    return [step for metric in sheet.metrics.values() for step in spikes(points_of(run, metric, detail))]


def units_of(run: "RunView") -> Sequence[str]:
    """What the x-axis can count: epochs and times are known of runs since version 4 of the catalogue."""
    return UNITS if len(run.moments) > 1 else UNITS[:1]


def placing(moments: "Sequence[Moment]", unit: str) -> Callable[[float], float]:
    """The place of a step on an axis of that unit; between two moments it is interpolated."""
    if unit == "step" or len(moments) < 2:
        return lambda step: step
    steps = [moment.step for moment in moments]
    values = [moment.epoch if unit == "epoch" else moment.seconds for moment in moments]

    def place(step: float) -> float:
        after = bisect_right(steps, step)
        if after == 0:
            return values[0] * max(step, 0.0) / steps[0] if steps[0] else values[0]
        if after == len(steps):
            return values[-1]
        share = (step - steps[after - 1]) / (steps[after] - steps[after - 1])
        return values[after - 1] + (values[after] - values[after - 1]) * share

    return place


def _lines(metric: str, baselines: Mapping[str, Mapping[str, float | None]]) -> tuple[tuple[str, float], ...]:
    """The value of each baseline in the same metric on the same users."""
    values = ((name, figures.get(metric)) for name, figures in baselines.items())
    return tuple((name, value) for name, value in values if value is not None)
