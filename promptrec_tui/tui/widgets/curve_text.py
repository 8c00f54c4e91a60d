"""The line under the charts: what the curves hold at the cursor, or how to read them. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from promptrec_tui.text import metric_text
from promptrec_tui.tui.actions import BY_ID
from promptrec_tui.tui.widgets.axes import time_text
from promptrec_tui.tui.widgets.chart import finite
from promptrec_tui.tui.widgets.chart_view import ChartView, window_of
from promptrec_tui.tui.widgets.curve_charts import Detail, Sheet, last_step, placing, points_of, units_of
from promptrec_tui.tui.widgets.curve_points import point_before
from promptrec_tui.tui.widgets.hints import hint_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_views import RunView

GUIDE = ("curve.in", "curve.best", "curve.spike", "curve.smooth", "curve.log", "curve.unit")
"""The actions whose keys the line names while there is no cursor."""

SIGNS, ASCII_SIGNS = ("★", "◆"), ("*", "o")
"""The signs of the best step and of a checkpoint."""


def line_text(
    run: "RunView",
    shown: Sequence[Sheet],
    current: int,
    view: ChartView,
    cursor: float | None,
    detail: Detail | None,
    ascii_only: bool = False,
) -> Text:
    """The line for chart number `current` of `shown`, with the cursor at a step or without one."""
    signs = ASCII_SIGNS if ascii_only else SIGNS
    text = Text(no_wrap=True, overflow="crop" if ascii_only else "ellipsis")
    if cursor is None:
        _append_state(text, run, view)
        if run.row.best_step is not None:
            text.append(f"{signs[0]} best {run.row.best_step}  ", style="dim")
        if run.checkpoints:
            text.append(f"{signs[1]} checkpoint  ", style="dim")
        text.append(guide(), style="dim")
        return text
    text.append(f"step {cursor:.0f}", style="bold")
    if run.moments and len(units_of(run)) > 1:
        epoch = placing(run.moments, "epoch")(cursor)
        seconds = placing(run.moments, "time")(cursor)
        text.append(f"  epoch {epoch:.3g}  {time_text(seconds)}")
    if cursor == run.row.best_step:
        text.append(f"  {signs[0]} best", style="bold")
    elif cursor in run.checkpoints:
        text.append(f"  {signs[1]} checkpoint", style="bold")
    for label, metric in shown[current].metrics.items():
        if value := _value_at(run, metric, cursor, detail):
            smooth = _smooth_at(metric, cursor, view, detail)
            text.append(f"  {_name(shown[current], label, metric)} {value}{smooth}", style="bold")
    text.append("  ")
    _append_state(text, run, view)
    for number, sheet in enumerate(shown):
        if number != current:
            for label, metric in sheet.metrics.items():
                if value := _value_at(run, metric, cursor, detail):
                    text.append(f"{_name(sheet, label, metric)} {value}  ", style="dim")
    return text


def guide() -> str:
    """The main keys of the charts, from the action table."""
    return "  ".join(hint_text(BY_ID[name]) for name in GUIDE)


def exact(value: float | None) -> str:
    """A value with six digits."""
    return f"{value:.6g}" if value is not None and finite(value) else "nan"


def _name(sheet: Sheet, label: str, metric: str) -> str:
    """The name of a curve; the legend's "last" would be wrong at any other step."""
    return metric_text(metric) if sheet.ranking else label


def _append_state(text: Text, run: "RunView", view: ChartView) -> None:
    """How the curves are shown, where that is not the usual way."""
    window = window_of(view, last_step(run))
    parts = [
        f"steps {window[0]:.0f} to {window[1]:.0f} of {last_step(run):.0f}" if window else "",
        f"smooth {view.weight:g}" if view.weight else "",
        "log" if view.log else "",
        f"by {view.unit}" if view.unit != "step" else "",
    ]
    if state := ", ".join(part for part in parts if part):
        text.append(f"{state}  ", style="italic")


def _value_at(run: "RunView", metric: str, cursor: float, detail: Detail | None) -> str:
    """The value at a step, or the last one before it with its step; empty before the first."""
    point = point_before(points_of(run, metric, detail), cursor)
    if point is None:
        return ""
    return exact(point[1]) if point[0] == cursor else f"{exact(point[1])} at {point[0]:.0f}"


def _smooth_at(metric: str, cursor: float, view: ChartView, detail: Detail | None) -> str:
    """The smooth curve at a step, if it is drawn and has a point there."""
    if detail is None or not view.weight or detail.weight != view.weight:
        return ""
    point = point_before(detail.curves.smooth.get(metric, ()), cursor)
    return f" (smooth {exact(point[1])})" if point and point[0] == cursor else ""
