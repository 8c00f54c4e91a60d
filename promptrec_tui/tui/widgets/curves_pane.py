"""The curves of a run, one in full size or all at once, the weakest labels, and its result."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.copying import Copied, plain
from promptrec_tui.tui.widgets.chart import Chart
from promptrec_tui.tui.widgets.chart_view import (
    ChartView,
    cursor_of,
    moved,
    other_unit,
    paged,
    placed,
    window_of,
    zoomed,
)
from promptrec_tui.tui.widgets.checklist_text import after_training, checklist_text
from promptrec_tui.tui.widgets.curve_charts import (
    COUNT,
    Detail,
    Sheet,
    best_steps,
    chart_of,
    gap_steps,
    last_step,
    placing,
    sheet_steps,
    sheets,
    spike_steps,
    units_of,
)
from promptrec_tui.tui.widgets.curve_points import next_place
from promptrec_tui.tui.widgets.curve_text import line_text
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.plot import legend_of
from promptrec_tui.tui.widgets.result_text import result_text, weakest_text
from promptrec_tui.tui.widgets.run_text import GOING
from promptrec_tui.tui.widgets.steady import Steady

if TYPE_CHECKING:
    from promptrec_tui.workspace.run_views import RunView

UNKNOWN = "The result on the test users appears here when the run is done."

LOW = 16
"""Rows below which the result is a page of its own."""

LEAST_CHART = 6
"""Rows that a chart needs above the result; with fewer the result is a page of its own, too."""

POINTS = 400
"""The most points of a curve in the range shown."""


class CurvesPane(Asking, Container, can_focus=True):
    """Five charts and the result: all of them if there is room, else one at a time (`move`).

    The weakest labels of a classifier, and on a low screen the result, are pages after the last chart; the
    result is shown as soon as there is one. All charts have one `view`; a line under them tells the values at
    its cursor.
    """

    PANE = "curve"

    def __init__(self, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii_only = ascii_only
        self._read_at = 0.0
        self._result_lines = 0
        self._number = 0
        self._turned = False
        """Whether a person has chosen a page, or looked into a chart."""
        self._run: RunView | None = None
        self._sheets: Sequence[Sheet] = ()
        self._detail: Detail | None = None
        self.view = ChartView()

    def compose(self) -> ComposeResult:
        yield Steady("Reading the run.", id="steps")
        for _ in range(COUNT):
            yield LossChart(self._ascii_only)
        yield Steady(id="labels")
        yield Steady(id="result")
        yield Steady(id="reading", markup=False)

    def on_mount(self) -> None:
        self.add_class("-beginning")
        self.move(0)

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size.height)
        self.move(0)

    def _fit(self, height: int) -> None:
        """Make the result a page of its own where it leaves no room for a chart."""
        self.set_class(height < max(LOW, self._result_lines + LEAST_CHART + 1), "-low")

    @property
    def sheet(self) -> Sheet | None:
        """The chart that the keys act on; None before there is one, and on the pages after them."""
        return self._sheets[self._number] if self._number < len(self._sheets) else None

    def copied(self) -> Copied | None:
        """The values at the cursor, without one the last ones."""
        if self._cursor() is None:
            return Copied("values", legend_of(self.chart))
        return Copied("values", plain(self.query_one("#reading", Static)))

    @property
    def chart(self) -> Chart:
        """The chart that the keys act on; on the pages after them the first one."""
        charts = list(self.query(LossChart))
        return charts[self._number if self._number < len(charts) else 0].chart

    def move(self, by: int) -> None:
        """Show another chart, the labels or the result, in full size."""
        pages = [*self.query(LossChart)]
        if self._run and self._run.weakest:
            pages.append(self.query_one("#labels"))
        if self.has_class("-low") and (self.has_class("-done") or self.has_class("-judging")):
            pages.append(self.query_one("#result"))
        if not pages:  # The screen was taken away while it opened.
            return
        self._turned = self._turned or by != 0
        self._number = (self._number + by) % len(pages)
        # What everybody waits for comes to the front, unless a chart is being read.
        if not self._turned and self.has_class("-done") and pages[-1].id == "result":
            self._number = len(pages) - 1
        for page in self.query("LossChart, #labels, #result"):
            page.set_class(page is pages[self._number], "-current")
        self._write_line()

    def show(self, run: "RunView") -> None:
        """Draw the curves and the result of a run."""
        self._run, self._sheets = run, sheets(run)
        self._read_at = time.monotonic()
        text = result_text(run.metrics, run.leading[0], run.users, run.noun, run.shares, run.protocol)
        self.query_one("#labels", Steady).renew(weakest_text(run.weakest))
        self.query_one("#result", Steady).renew(text or UNKNOWN)
        self.set_class(text is not None, "-done")
        self._result_lines = len(text.split("\n")) if text else 0
        self._fit(self.size.height)
        self.move(0)
        self.beat()
        self._draw()
        self._read_detail()

    def beat(self) -> None:
        """Show the phases as they are now: in place of charts without a point, and of the result."""
        if (run := self._run) is None:
            return
        beginning = bool(run.steps) and not any(run.curves.values())
        judged = after_training(run.steps)
        judging = not self.has_class("-done") and any(step.state == "now" for step in judged)
        self.set_class(beginning, "-beginning")
        self.set_class(judging, "-judging")
        glyphs, later = self.promptrec.glyphs, time.monotonic() - self._read_at
        if beginning:
            heading = "The curves begin here after the first step." if run.row.state in GOING else ""
            self.query_one("#steps", Steady).renew(checklist_text(run.steps, glyphs, heading, later))
        elif run.row.state in GOING and run.steps and not self.has_class("-done"):
            rest = [step for step in run.steps if step.state != "done" or (judging and step in judged)]
            self.query_one("#result", Steady).renew(checklist_text(rest, glyphs, "until the result", later))

    def look(self, change: Callable[[ChartView], ChartView]) -> None:
        """Show the charts under another view."""
        if self._run and (view := change(self.view)) != self.view:
            self.view, self._turned = view, True
            if view.span is None and not view.weight:
                self._detail = None
            self._draw()
            if not self._detailed():
                self._read_detail()

    def move_cursor(self, by: int) -> None:
        """The cursor so many points further."""
        self.look(lambda view: moved(view, self._steps(), by))

    def page_cursor(self, by: int) -> None:
        """The cursor a part of the range further."""
        self.look(lambda view: paged(view, self._steps(), by))

    def place_first(self) -> None:
        """The cursor at the first point."""
        if steps := self._steps():
            self.look(lambda view: placed(view, steps[0], steps[-1]))

    def zoom(self, times: float) -> None:
        """So many times fewer steps."""
        if run := self._run:
            self.look(lambda view: zoomed(view, last_step(run), times))

    def change_unit(self) -> None:
        """Another unit along x, if there is one."""
        if run := self._run:
            if len(units_of(run)) == 1:
                self.notify_text("This run has no times and epochs: an earlier version recorded it.")
            self.look(lambda view: other_unit(view, units_of(run)))

    def jump(self, kind: str) -> None:
        """The cursor to the best step, or to the next `gap` or `outlier` after it."""
        run, sheet = self._run, self.sheet
        if run is None or sheet is None:
            return
        places = {
            "best": lambda: best_steps(run, sheet),
            "gap": lambda: gap_steps(run, sheet, self._detail),
            "outlier": lambda: spike_steps(run, sheet, self._detail),
        }[kind]()
        here = None if kind == "best" else cursor_of(self.view, self._steps())
        if (step := next_place(places, here)) is None:
            self.notify_text({"best": "No best step yet."}.get(kind, f"No {kind} in this chart."))
        else:
            self.look(lambda view: placed(view, step, last_step(run)))

    def _steps(self) -> list[float]:
        return sheet_steps(self._run, self.sheet, self._detail) if self._run and self.sheet else []

    def _cursor(self) -> float | None:
        return cursor_of(self.view, [last_step(self._run)]) if self._run else None

    def _draw(self) -> None:
        if run := self._run:
            cursor = self._cursor()
            place = placing(run.moments, self.view.unit)
            for sheet, chart in zip(self._sheets, self.query(LossChart), strict=True):
                drawn = chart_of(run, sheet, self.view, self._detail)
                chart.show(drawn, None if cursor is None else place(cursor))
        self._write_line()

    def _write_line(self) -> None:
        if (run := self._run) and self.sheet:
            text = line_text(
                run, self._sheets, self._number, self.view, self._cursor(), self._detail, self._ascii_only
            )
            self.query_one("#reading", Steady).renew(text)
        else:
            self.query_one("#reading", Steady).renew("")

    def _detailed(self) -> bool:
        """Whether all points of the present view are here."""
        view, detail = self.view, self._detail
        window = window_of(view, last_step(self._run)) if self._run else None
        if not window and not view.weight:
            return True
        if detail is None or detail.weight != view.weight:
            return False
        if window is None or detail.window is None:
            return window is None and detail.window is None
        wide = detail.window[1] - detail.window[0] > 4 * (window[1] - window[0])
        return detail.window[0] <= window[0] and window[1] <= detail.window[1] and not wide

    @work(exclusive=True, group="detail", exit_on_error=False)
    async def _read_detail(self) -> None:
        """Read all points of the range in view and of as much on both sides, and the smooth curves."""
        run, view = self._run, self.view
        window = window_of(view, last_step(run)) if run else None
        if run is None or not (window or view.weight):
            self._detail = None
            return
        names = [metric for sheet in self._sheets for metric in sheet.metrics.values()]
        points = POINTS
        if window:
            span = window[1] - window[0]
            window, points = (window[0] - span, window[1] + span), 3 * POINTS
        curves = await self.ask(
            workspace.run_views.curve_range, run.row.id, names, window, view.weight, points
        )
        self._detail = Detail(window, view.weight, curves)
        self._draw()
