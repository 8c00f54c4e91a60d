"""Mode 1: all runs, and the curve of the one under the cursor."""

from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from promptrec_tui.run_filter import run_filter
from promptrec_tui.text import cases_text, clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.screens.home_actions import FIRST_KEYS, HomeActions
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.home_pane import HomePane
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.tui.widgets.run_text import figure_lines
from promptrec_tui.tui.widgets.table import Table

if TYPE_CHECKING:
    from promptrec_tui.tui.exporting import Offer
    from promptrec_tui.workspace.runs import RunRow

LOSSES = ("train_loss", "validation_loss")

ROWS = 200
"""The rows of the table at first; their number doubles when the cursor comes near their end."""


class RunsScreen(HomeActions):
    """The list with the chart beside it, or, where there is no room, in its place."""

    PLACE = "runs"
    MODE = "runs"
    BINDINGS = bindings("runs")

    _restored = False
    _room = ROWS
    _wanted = ""
    _drawn: "RunRow | None" = None
    _marks: tuple[str, ...] = ()
    """The ids of the marked runs, in the order in which they were marked."""
    _baseline = ""
    """The id of the marked run with which others are compared; empty: the first one."""
    _marks_line = ""

    def body(self) -> ComposeResult:
        yield Input(placeholder="words, state:done, ndcg@10>0.1, -model:tiny", id="filter")
        yield Static(id="marks", markup=False)
        yield HomePane(self.promptrec.glyphs)
        yield Empty("No runs yet. A run tunes a model on a dataset.", *FIRST_KEYS, id="empty")
        with Horizontal(id="runs"):
            yield RunTable(self.promptrec.glyphs)
            with Vertical(id="chosen"):
                yield Static(id="facts")
                yield LossChart(self.promptrec.ascii_only)

    @property
    def present_run(self) -> "RunRow | None":
        key = self.query_one(RunTable).chosen if self.is_mounted else None
        return next((row for row in self.promptrec.runs if row.id == key), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open_run" and not self.present_run:
            return None
        return super().check_action(action, parameters)

    def exports(self) -> "list[Offer]":
        from promptrec_tui.tui.exporting import chart_offers, config_offers, table_offers
        from promptrec_tui.workspace.exports import run_listing

        wanted = self.query_one("#filter", Input).value
        shown = list(filter(run_filter(wanted), self.promptrec.runs))
        if not shown:
            return []
        offers = list(table_offers(cases_text(len(shown), "run"), "runs", lambda: run_listing(shown)))
        if row := self.present_run:
            chart = self.query_one(LossChart).chart
            offers += chart_offers(chart, row.name, self.promptrec.ascii_only)
            offers += config_offers(row.name, lambda: self.ask(workspace.run_config.run_config, row.id))
        return offers

    def copied(self) -> Copied | None:
        row = self.present_run
        return Copied("run name", row.name) if row else None

    async def load(self) -> None:
        await super().load()
        self._show()
        if not self._restored:
            self._restored = True
            self._restore()
        await self.load_home()
        await self._load_chart()

    def select(self, run: str) -> None:
        """Put the cursor on a run as soon as it is listed."""
        self._wanted = run
        # `renew` does nothing during a load, and that may have shown its rows already.
        self._show()
        self.renew()

    def _show(self, kept: str = "") -> None:
        """Show the runs that match the filter: enough rows for the wanted run and the run `kept`."""
        rows = self.promptrec.runs
        wanted = self.query_one("#filter", Input).value
        self.set_class(bool(rows), "-filled")
        table = self.query_one(RunTable)
        shown = list(filter(run_filter(wanted), rows)) if wanted else rows
        if sought := {self._wanted, kept} - {""}:
            last = max((place for place, row in enumerate(shown) if row.id in sought), default=0)
            self._room = max(self._room, last + ROWS)
        self._show_marks()
        table.show_runs(shown[: self._room], self._marks, self._baseline)
        if self._wanted in table.keys:
            table.choose(self._wanted)
            self._wanted = ""
        self.refresh_bindings()

    def _show_marks(self) -> None:
        """The line that counts the marks and names the keys for them; hidden without any."""
        there = {row.id: row for row in self.promptrec.runs}
        self._marks = tuple(run for run in self._marks if run in there)
        if self._baseline not in self._marks:
            self._baseline = next(iter(self._marks), "")
        self.set_class(bool(self._marks), "-marked")
        line = Content()
        if self._marks:
            line = marks_text(len(self._marks), there[self._baseline].name, self.promptrec.glyphs)
        # An update would repaint the line each second.
        if line.plain != self._marks_line:
            self._marks_line = line.plain
            self.query_one("#marks", Static).update(line)

    def _restore(self) -> None:
        self._marks = tuple(
            run for run in self.promptrec.recall("marks", list[object]()) if isinstance(run, str)
        )
        self._baseline = self.promptrec.recall("baseline", "")
        table = self.query_one(RunTable)
        last = self.promptrec.recall("run", "")
        kept = self.early_choice or last
        self._show(kept)
        if kept in table.keys:
            table.choose(kept)
            if kept == last and self.promptrec.recall("open", False):
                self.promptrec.open_run(kept)
        self.keep_scroll(table, "runs")

    async def _load_chart(self) -> None:
        row = self.present_run
        if row == self._drawn:
            return
        self._drawn = row
        if row is None:
            self.query_one("#facts", Static).update("")
            self.query_one(LossChart).show(Chart("loss", ()))
            return
        facts = f"{row.dataset} | {row.template} | {row.model}"
        lines = [Content.styled(clean(row.name), "bold"), Content.styled(clean(facts), "dim")]
        figures = await self.ask(workspace.run_views.run_figures, row.id)
        if row != self._drawn:
            return
        lines += map(Content, figure_lines(figures))
        if row.reason:
            lines.append(Content(clean(row.reason)))
        if row.queue and not row.queue.continue_after_failure:
            lines.append(Content("Should it fail, the queue stops."))
        self.query_one("#facts", Static).update(Content("\n").join(lines))
        curves = await self.ask(workspace.run_views.curves, row.id, LOSSES)
        series = tuple(Series(name.removesuffix("_loss"), points) for name, points in curves.items())
        self.query_one(LossChart).show(Chart("loss", series))

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self.refresh_bindings()
        table = self.query_one(RunTable)
        if table.cursor_row > self._room - ROWS // 2:
            self._room *= 2
            self._show()
        if event.key and self._restored:
            self.promptrec.remember(run=event.key)
            self._draw_chart()

    @work(exclusive=True, group="chart", exit_on_error=False)
    async def _draw_chart(self) -> None:
        await self._load_chart()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._show()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.focus_home()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    def action_back(self) -> None:
        field = self.query_one("#filter", Input)
        if field.has_focus and field.value:
            self.focus_home()
        else:
            field.value = ""
            self.remove_class("-filtering")
            self.focus_home()

    def action_mark(self) -> None:
        if (row := self.present_run) is None:
            return
        others = tuple(run for run in self._marks if run != row.id)
        self._mark(others if row.id in self._marks else (*self._marks, row.id))
        self.query_one(RunTable).action_cursor_down()

    def action_mark_all(self) -> None:
        wanted = self.query_one("#filter", Input).value
        shown = tuple(row.id for row in filter(run_filter(wanted), self.promptrec.runs))
        self._mark(() if set(shown) <= set(self._marks) else tuple(dict.fromkeys([*self._marks, *shown])))

    def action_choose_baseline(self) -> None:
        if row := self.present_run:
            self._baseline = row.id
            self._mark(tuple(dict.fromkeys([*self._marks, row.id])))

    def _mark(self, marks: tuple[str, ...]) -> None:
        self._marks = marks
        self._show()
        self.promptrec.remember(marks=list(self._marks), baseline=self._baseline)

    def action_compare(self) -> None:
        from promptrec_tui.tui.screens.compare import MOST_RUNS, CompareScreen

        runs = self._marks
        if len(runs) == 1 and (row := self.present_run):
            runs = tuple(dict.fromkeys([*runs, row.id]))
        if len(runs) > MOST_RUNS:
            self.notify_text(
                f"{len(runs)} runs are marked; the screen compares {MOST_RUNS} at most. Unmark some, or ask "
                "promptrec compare.",
                "warning",
            )
            return
        self.app.push_screen(CompareScreen(runs, self._baseline), self._compared)

    def _compared(self, _: None) -> None:
        self._baseline = self.promptrec.recall("baseline", "")
        self._show()

    def action_toggle_chart(self) -> None:
        self.toggle_class("-flipped")

    def action_open_run(self) -> None:
        if row := self.present_run:
            self.promptrec.open_run(row.id)

    def on_data_table_row_selected(self) -> None:
        self.action_open_run()

    def action_new_run(self) -> None:
        from promptrec_tui.tui.screens.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(), self._started)

    def go_to(self, kind: str, key: str) -> None:
        from promptrec_tui.tui.screens.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(setting=key), self._started)

    def _started(self, run: str | None) -> None:
        if run:
            self._wanted = run
            self.promptrec.open_run(run)


def marks_text(count: int, baseline: str, glyphs: Glyphs) -> Content:
    """How many runs are marked, the keys for them, and the baseline."""
    keys = (("=", "compare"), ("b", "baseline"), ("*", "all or none"))
    return Content("  ").join(
        [
            Content.styled(f"{glyphs.mark} {count} marked", "bold $accent"),
            *(Content.assemble((key, "bold $accent"), f" {does}") for key, does in keys),
            Content.styled(f"{glyphs.target} baseline {clean(baseline)}", "dim"),
        ]
    )
