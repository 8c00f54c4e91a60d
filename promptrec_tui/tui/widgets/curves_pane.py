"""The curves of a run, one in full size or all at once, the weakest labels, and its result."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from promptrec_tui.text import cases_text, metric_text
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.result_text import result_text, weakest_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_views import RunView

CHARTS = 5

SHARE, NO_BOUNDS = (0.0, 1.0), (-math.inf, math.inf)

UNKNOWN = "The result on the test users appears here when the run is done."


class CurvesPane(Container, can_focus=True):
    """Five charts and the result: all of them if there is room, else one at a time (`move`).

    The weakest labels of a classifier are the page after the last chart.
    """

    def __init__(self, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii_only = ascii_only
        self._number = 0
        self._pages = CHARTS

    def compose(self) -> ComposeResult:
        for _ in range(CHARTS):
            yield LossChart(self._ascii_only)
        yield Static(id="labels")
        yield Static(id="result")

    def on_mount(self) -> None:
        self.move(0)

    def move(self, by: int) -> None:
        """Show another chart, or the labels, in full size."""
        self._number = (self._number + by) % self._pages
        for number, page in enumerate([*self.query(LossChart), self.query_one("#labels")]):
            page.set_class(number == self._number, "-current")

    def show(self, view: "RunView") -> None:
        """Draw the curves and the result of a run."""
        for (title, metrics), chart in zip(charts(view), self.query(LossChart), strict=True):
            series = tuple(
                Series(label, view.curves.get(name, []), label == "last") for label, name in metrics.items()
            )
            lines = _lines(metrics.get("last", ""), view.baselines)
            bounds = SHARE if "last" in metrics else NO_BOUNDS
            chart.show(Chart(title, series, lines, bounds))
        text = result_text(view.metrics, view.leading[0], view.users, view.noun, view.shares)
        self._pages = CHARTS + bool(view.weakest)
        self.query_one("#labels", Static).update(weakest_text(view.weakest))
        self.query_one("#result", Static).update(text or UNKNOWN)
        self.set_class(text is not None, "-done")


def charts(view: "RunView") -> list[tuple[str, dict[str, str]]]:
    """Titles, and the metric of each curve by its name in the legend."""
    cases = cases_text(view.monitor_users, view.noun)
    return [
        ("loss", {"train": "train_loss", "validation": "validation_loss"}),
        *((f"{metric_text(name)}, validation, {cases}", {"last": name}) for name in view.leading),
        ("learning rate", {"rate": "learning_rate"}),
        ("targets per second", {"speed": "targets_per_second"}),
    ]


def _lines(metric: str, baselines: Mapping[str, Mapping[str, float | None]]) -> tuple[tuple[str, float], ...]:
    """The value of each baseline in the same metric on the same users."""
    values = ((name, figures.get(metric)) for name, figures in baselines.items())
    return tuple((name, value) for name, value in values if value is not None)
