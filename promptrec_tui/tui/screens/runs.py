"""Mode 1: all runs, and the curve of the one under the cursor."""

from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Input

from promptrec_tui.run_fields import NEWEST_FIRST, arranged
from promptrec_tui.run_filter import asks_for_archived, completions, run_filter
from promptrec_tui.text import cases_text, clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.screens.home_actions import FIRST_ACTIONS, HomeActions
from promptrec_tui.tui.widgets.chart import Chart, Series
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.home_pane import HomePane
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.run_facts import run_facts, summary_text
from promptrec_tui.tui.widgets.run_table import RunTable, Shown
from promptrec_tui.tui.widgets.steady import Steady
from promptrec_tui.tui.widgets.word_input import WordInput

if TYPE_CHECKING:
    from promptrec_tui.tui.exporting import Offer
    from promptrec_tui.workspace.runs import RunRow

LOSSES = ("train_loss", "validation_loss")


class RunsScreen(HomeActions):
    """The list, with figures and curve of one run beside it, under it, or in its place: as there is room."""

    PLACE = "runs"
    MODE = "runs"
    HOME = "RunTable"
    BINDINGS = bindings("runs")
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-short"), (40, "-tall")]  # noqa: RUF012

    _restored = False
    _wanted = ""
    _drawn: "RunRow | None" = None
    _made_of: tuple[object, ...] = ()
    _rows: "list[RunRow]" = []  # noqa: RUF012 (never changed in place)
    """The runs that match the filter, in order; made anew when one of `_made_of` is another."""

    def body(self) -> ComposeResult:
        yield WordInput(self._completed, placeholder="words, state:done, ndcg@10>0.1, tag:films", id="filter")
        yield Steady(id="choices", markup=False)
        yield Steady(id="summary", markup=False)
        yield Steady(id="marks", markup=False)
        yield HomePane(self.promptrec.glyphs)
        yield Empty("No runs yet. A run tunes a model on a dataset.", *FIRST_ACTIONS, id="empty")
        with Container(id="runs"):
            yield RunTable(self.promptrec.glyphs)
            with Vertical(id="chosen"):
                yield Steady(id="facts")
                yield LossChart(self.promptrec.ascii_only)

    @property
    def present_run(self) -> "RunRow | None":
        return self.query_one(RunTable).run if self.is_mounted else None

    @property
    def visible_columns(self) -> list[str]:
        return self.query_one(RunTable).visible_columns

    @property
    def shown_runs(self) -> "list[RunRow]":
        return self._rows

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open_run" and not self.present_run:
            return None
        return super().check_action(action, parameters)

    def exports(self) -> "list[Offer]":
        from promptrec_tui.tui.exporting import chart_offers, config_offers, table_offers
        from promptrec_tui.workspace.exports import run_listing

        shown = self._rows
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
        self.show_list()
        if not self._restored:
            self._restored = True
            self._restore()
        await self.load_home()
        await self._load_chart()

    def select(self, run: str) -> None:
        """Put the cursor on a run as soon as it is listed."""
        self._wanted = run
        # `renew` does nothing during a load, and that may have shown its rows already.
        self.show_list()
        self.renew()

    def show_list(self) -> None:
        self._arrange()
        self.set_class(bool(self.promptrec.runs), "-filled")
        self.show_marks()
        table = self.query_one(RunTable)
        table.show(Shown(self._rows, frozenset(self.marks), self.baseline, self.columns, self.sort))
        self._summarise()
        if self._wanted and table.choose(self._wanted):
            self._wanted = ""
        self.refresh_bindings()

    def _arrange(self) -> None:
        """Filter and sort the runs, unless all is as it was."""
        runs, wanted, sort = self.promptrec.runs, self.query_one("#filter", Input).value, self.sort
        before, self._made_of = self._made_of, (runs, wanted, sort)
        if before and before[0] is runs and before[1:] == (wanted, sort):
            return
        self._rows = arranged(filter(run_filter(wanted), runs), sort)

    def _summarise(self) -> None:
        """The line that says what the list does not show by itself; hidden when there is nothing to say."""
        runs, filtered = self.promptrec.runs, self.query_one("#filter", Input).value
        hidden = 0 if asks_for_archived(filtered) else sum(row.archived for row in runs)
        is_plain = self.sort == NEWEST_FIRST or self.sort.field in self.visible_columns
        out_of_sight = "" if is_plain else self.sort.field
        summary = summary_text(len(self._rows), len(runs), hidden, out_of_sight)
        self.set_class(bool(summary), "-summed")
        self.query_one("#summary", Steady).renew(summary)

    def _restore(self) -> None:
        table = self.query_one(RunTable)
        last = self.promptrec.recall("run", "")
        kept = self.early_choice or last
        if table.choose(kept) and kept == last and self.promptrec.recall("open", False):
            self.promptrec.open_run(kept)
        self.keep_scroll(table, "runs")

    async def _load_chart(self) -> None:
        row = self.present_run
        if row == self._drawn:
            return
        before, self._drawn = self._drawn, row
        # A title paints all that is inside of its border.
        if before is None or row is None or row.name != before.name:
            self.query_one("#chosen").border_title = Content(clean(row.name)) if row else None
        self.query_one("#facts", Steady).renew(run_facts(row) if row else Content())
        if row is None:
            self.query_one(LossChart).show(Chart("loss", ()))
            return
        curves = await self.ask(workspace.run_views.curves, row.id, LOSSES)
        series = tuple(Series(name.removesuffix("_loss"), points) for name, points in curves.items())
        self.query_one(LossChart).show(Chart("loss", series))

    @on(RunTable.Chosen)
    def _chosen(self, event: RunTable.Chosen) -> None:
        self.refresh_bindings()
        if event.key and self._restored:
            self.promptrec.remember(run=event.key)
            self._draw_chart()

    @work(exclusive=True, group="chart", exit_on_error=False)
    async def _draw_chart(self) -> None:
        await self._load_chart()

    def _completed(self, text: str) -> list[str]:
        return completions(text, self.promptrec.runs)

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self.show_list()
        choices = self.query_one("#filter", WordInput).choices
        self.set_class(len(choices) > 1, "-choosing")
        self.query_one("#choices", Steady).renew(Content.styled(clean("  ".join(choices)), "dim"))

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.focus_home()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    def action_back(self) -> None:
        field = self.query_one("#filter", Input)
        if not (field.has_focus and field.value):
            field.value = ""
            self.remove_class("-filtering")
        self.focus_home()

    def cursor_down(self) -> None:
        self.query_one(RunTable).action_cursor_down()

    def action_toggle_chart(self) -> None:
        self.toggle_class("-flipped")

    @on(RunTable.Opened)
    def action_open_run(self) -> None:
        if row := self.present_run:
            self.promptrec.open_run(row.id)

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
