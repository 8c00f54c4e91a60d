"""The validation curves of some runs on one chart, one metric at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container

from promptrec_tui.text import metric_text
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.compare_text import Letters
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.plot import legend_of

if TYPE_CHECKING:
    from promptrec_tui.workspace.compare_views import CompareView

LOSSES = ("validation_loss", "train_loss")


class CompareCurves(Container, can_focus=True):
    """A curve for each run in the colour of its letter; `move` shows the next metric."""

    def __init__(self, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii_only = ascii_only
        self._charts: list[Chart] = []
        self._number = 0

    def compose(self) -> ComposeResult:
        yield LossChart(self._ascii_only)

    def show(self, view: "CompareView", letters: Letters) -> None:
        """Draw the curves of some runs; those of the leading metrics first."""
        self._charts = [
            Chart(
                f"{title}, last ({number}/{len(view.leading) + len(LOSSES)})",
                tuple(
                    Series(letters.letter(name), view.curves.get(name, {}).get(metric, []))
                    for name in letters.names
                ),
            )
            for number, (metric, title) in enumerate(
                [
                    *((metric, f"validation {metric_text(metric)}") for metric in view.leading),
                    ("validation_loss", "validation loss"),
                    ("train_loss", "training loss"),
                ],
                1,
            )
        ]
        self.move(0)

    def named(self, names: Sequence[str]) -> Chart:
        """The chart that is shown, for a place without the letters: its curves have the names of the runs."""
        chart = self.query_one(LossChart).chart
        series = (replace(curve, name=name) for curve, name in zip(chart.series, names, strict=False))
        return replace(chart, title=chart.title.partition(", last (")[0], series=tuple(series))

    def copied(self) -> Copied | None:
        """The last value of each curve."""
        if not self._charts:
            return None
        return Copied("values", legend_of(self._charts[self._number]))

    def move(self, by: int) -> None:
        """Show the curves of another metric."""
        if self._charts:
            self._number = (self._number + by) % len(self._charts)
            self.query_one(LossChart).show(self._charts[self._number])
