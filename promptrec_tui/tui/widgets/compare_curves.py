"""The validation curves of some runs on one chart, one metric at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from promptrec_tui.text import cases_text, metric_text
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.compare_text import Letters
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.plot import legend_of

if TYPE_CHECKING:
    from promptrec_tui.workspace.compare_views import CompareView

LOSSES = {"validation_loss": "validation loss", "train_loss": "training loss"}


class CompareCurves(Container, can_focus=True):
    """A curve for each run that has a colour; `move` shows the next metric."""

    def __init__(self, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii_only = ascii_only
        self._titles: dict[str, str] = {}
        """By metric; those of the leading metrics first."""
        self._view: CompareView | None = None
        self._letters: Letters | None = None
        self._number = 0

    def compose(self) -> ComposeResult:
        yield Static(id="curve-title", markup=False)
        yield LossChart(self._ascii_only)

    def show(self, view: "CompareView", letters: Letters) -> None:
        """Draw the curves of some runs."""
        self._view, self._letters = view, letters
        cases = cases_range(view.cases, view.noun)
        self._titles = {
            **{metric: f"validation {metric_text(metric)}{cases}" for metric in view.leading},
            **LOSSES,
        }
        self.move(0)

    @property
    def _metric(self) -> str:
        return list(self._titles)[self._number]

    def _chart(self, names: Mapping[str, str]) -> Chart:
        """The curves of some runs, by the names that they are given."""
        curves = self._view.curves if self._view else {}
        series = (Series(name, curves.get(run, {}).get(self._metric, [])) for run, name in names.items())
        return Chart(self._titles[self._metric], tuple(series))

    def named(self) -> Chart:
        """What is shown, for a place without the letters: its curves have the names of the runs."""
        return self._chart({name: name for name in self._letters.drawn} if self._letters else {})

    def all_named(self) -> Chart:
        """The same with the runs whose curves are not drawn."""
        return self._chart({name: name for name in self._letters.names} if self._letters else {})

    def copied(self) -> Copied | None:
        """The last value of each curve that is drawn."""
        return Copied("values", legend_of(self.named())) if self._view else None

    def move(self, by: int) -> None:
        """Show the curves of another metric."""
        if not self._titles or self._letters is None:
            return
        letters = self._letters
        self._number = (self._number + by) % len(self._titles)
        chart = self._chart({name: letters.letter(name) for name in letters.drawn})
        title = f"{chart.title}, last value of each ({self._number + 1}/{len(self._titles)})"
        rest = f"; {letters.left_out} of {len(letters.names)} runs are not drawn, m draws the next"
        self.query_one("#curve-title", Static).update(
            Content.assemble((title, "bold"), (rest if letters.left_out else "", "$text-warning"))
        )
        self.query_one(LossChart).show(replace(chart, title=""))


def cases_range(cases: Mapping[str, int], noun: str) -> str:
    """`, 25 users`, or `, 20 to 25 users` where runs differ; empty where nothing is known."""
    counts: Sequence[int] = sorted(set(cases.values()))
    if not counts:
        return ""
    return f", {f'{counts[0]:,} to ' if counts[1:] else ''}{cases_text(counts[-1], noun)}"
