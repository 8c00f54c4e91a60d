"""The curves of a run, one in full size or all at once, and its result."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.plot import Chart, Series
from promptrec_tui.tui.widgets.result_text import result_text

if TYPE_CHECKING:
    from promptrec_tui.tui.verbs import RunView

CHARTS = (
    ("loss", {"train": "train_loss", "validation": "validation_loss"}),
    ("NDCG@10 (validation)", {"model": "ndcg@10"}),
    ("HR@10 (validation)", {"model": "hr@10"}),
    ("learning rate", {"rate": "learning_rate"}),
    ("targets per second", {"speed": "targets_per_second"}),
)
COMPARED = {"NDCG@10 (validation)": "ndcg@10", "HR@10 (validation)": "hr@10"}
"""The charts with a line for each baseline."""


class CurvesPane(Container, can_focus=True):
    """Five charts and the result: all of them where there is room, else one, and `move` shows another."""

    def __init__(self, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii_only = ascii_only
        self._number = 0

    def compose(self) -> ComposeResult:
        for title, _ in CHARTS:
            yield LossChart(title, self._ascii_only)
        yield Static(id="result")

    def on_mount(self) -> None:
        self.move(0)

    def move(self, by: int) -> None:
        """Show another chart in full size."""
        self._number = (self._number + by) % len(CHARTS)
        for number, chart in enumerate(self.query(LossChart)):
            chart.set_class(number == self._number, "-current")

    def show(self, view: "RunView") -> None:
        """Draw the run's figures."""
        for (title, names), chart in zip(CHARTS, self.query(LossChart), strict=True):
            series = tuple(Series(label, view.curves.get(name, [])) for label, name in names.items())
            chart.show(Chart(title, series, _lines(title, view.baselines)))
        text = result_text(view.metrics)
        self.query_one("#result", Static).update(
            text or "The result on test users stands here when the run is done."
        )
        self.set_class(text is not None, "-done")


def _lines(title: str, baselines: Mapping[str, Mapping[str, float | None]]) -> tuple[tuple[str, float], ...]:
    metric = COMPARED.get(title)
    if metric is None:
        return ()
    values = ((name, figures.get(metric)) for name, figures in baselines.items())
    return tuple((name, value) for name, value in values if value is not None)
