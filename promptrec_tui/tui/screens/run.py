"""One run: its curves, previews, model to try, spec and log."""

from collections.abc import Sequence
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from promptrec_tui.text import cases_text, clean, figure_text, left_text, metric_text
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import copied_from
from promptrec_tui.tui.glyphs import UNICODE, Glyphs
from promptrec_tui.tui.marks import mark_text
from promptrec_tui.tui.screens.search_actions import SearchActions
from promptrec_tui.tui.widgets.config_text import config_lines
from promptrec_tui.tui.widgets.curves_pane import CurvesPane
from promptrec_tui.tui.widgets.log_pane import LogPane
from promptrec_tui.tui.widgets.preview_pane import PreviewPane
from promptrec_tui.tui.widgets.run_text import (
    GOING,
    badge,
    number_text,
    progress_text,
    state_text,
)
from promptrec_tui.tui.widgets.searched_lines import SearchedLines
from promptrec_tui.tui.widgets.steady import Steady
from promptrec_tui.tui.widgets.tab_line import TabLine
from promptrec_tui.tui.widgets.try_pane import TryPane
from promptrec_tui.workspace.exports import figures_listing

if TYPE_CHECKING:
    from promptrec_tui.tui.exporting import Offer
    from promptrec_tui.workspace.checklist import Left
    from promptrec_tui.workspace.run_views import RunView
    from promptrec_tui.workspace.runs import RunRow

SHOWN_LINES = 3
"""Lines of the log of a failed run in the head; the log tab has all."""

TABS = ("curves", "previews", "try", "config", "log")


FOCUS = {"config": "#config LineView", "log": "#log LineView"}
"""The widget of a tab that has the focus, where it is not the pane itself."""


class RunScreen(SearchActions):
    """The screen of the run with this id."""

    PLACE = "run"
    MODE = "runs"
    BINDINGS = bindings("run")

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run
        self._row: RunRow | None = None
        self._view: RunView | None = None

    def body(self) -> ComposeResult:
        tab = self.promptrec.recall("tab", "")
        tab = tab if tab in TABS else TABS[0]
        yield Steady(id="head", markup=False)
        yield TabLine(TABS, tab)
        with ContentSwitcher(initial=tab):
            yield CurvesPane(self.promptrec.ascii_only, id="curves")
            yield PreviewPane(self.promptrec.glyphs, id="previews")
            yield TryPane(self.promptrec.glyphs, id="try")
            yield SearchedLines("setting", id="config")
            yield LogPane(id="log")

    @property
    def present_run(self) -> "RunRow | None":
        return next((row for row in self.promptrec.runs if row.id == self._run), None)

    @property
    def curves_shown(self) -> bool:
        return self.tab == "curves"

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self.query_one(ContentSwitcher).current or TABS[0]

    async def load(self) -> None:
        # At first as the list knows it: to look for news in thousands of runs takes longer than to open one.
        if self._row or not self.present_run:
            await super().load()
        row = self.present_run
        if row is None:
            self.action_back()
            return
        self.refresh_bindings()
        self.crumbs = (row.name, self.tab.title())
        if self._row is None:
            self._show_head()
        if row != self._row:
            await self._load_view()
            self._row = row
        elif row.state in GOING:
            self.query_one(CurvesPane).beat()
        if self.tab == "log":
            await self.query_one(LogPane).renew(self._run)

    async def _load_view(self) -> None:
        self._view = view = await self.ask(workspace.run_views.run_view, self._run)
        self._show_head()
        self.query_one(CurvesPane).show(view)
        self.query_one(PreviewPane).show(view.previews)
        self.query_one(TryPane).row = view.row
        if self._row is None:
            config = await self.ask(workspace.run_config.run_config, self._run)
            pane = self.query_one("#config", SearchedLines)
            pane.view.show(config_lines(config))
            changed = sum(setting.changed for setting in config.settings)
            pane.show_title(
                "config", f"{changed} of {len(config.settings)} settings differ from the defaults"
            )
            self.keep_scroll(pane.view, "config")

    def marks_changed(self) -> None:
        self._show_head()

    def _show_head(self) -> None:
        head, glyphs, view = self.query_one("#head", Steady), self.promptrec.glyphs, self._view
        marked = mark_text(self._run, self.marks, glyphs)
        if view:
            head.renew(
                head_text(
                    view.row,
                    glyphs,
                    view.warnings,
                    view.survives_logout,
                    view.log_tail,
                    view.leading[0],
                    view.noun,
                    view.monitor_users,
                    view.computing,
                    view.left,
                    next((value for _, value in reversed(view.curves.get(view.leading[0], []))), None),
                    marked,
                )
            )
        elif row := self.present_run:
            head.renew(head_text(row, glyphs, marked=marked))

    def exports(self) -> "list[Offer]":
        from promptrec_tui.tui.exporting import Offer, chart_offers, config_offers, table_offers

        view = self._view
        if view is None:
            return []
        run, name = self._run, view.row.name
        offers = list(config_offers(name, lambda: self.ask(workspace.run_config.run_config, run)))
        if view.metrics.get("before") or view.metrics.get("after"):
            figures = figures_listing(view.metrics)
            offers = [*table_offers("test figures", f"{name}-figures", lambda: figures), *offers]
        if self.tab == "curves":
            chart = self.query_one(CurvesPane).chart
            offers = [*chart_offers(chart, name, self.promptrec.ascii_only), *offers]
        elif self.tab in ("previews", "try"):
            shown = copied_from(self.query_one(f"#{self.tab}"))
            text = shown.text if shown else ""
            offers.insert(0, Offer(self.tab, "text", f"{name}-{self.tab}", "txt", lambda: text))
        return offers

    def focus_home(self) -> None:
        self.query_one(FOCUS.get(self.tab, f"#{self.tab}")).focus()

    def run_deleted(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        if self.focused and self.focused.id == "question":
            self.focus_home()
        elif not self.search_left():
            self.promptrec.remember(open=False)
            self.dismiss()

    def action_show_tab(self, tab: str) -> None:
        self._turn_to(tab)
        if tab == "try":
            self.query_one(TryPane).focus_field()

    def _turn_to(self, tab: str) -> None:
        """Show a tab. The field of Try has to be asked for: who passes by would write keys into it."""
        self.query_one(ContentSwitcher).current = tab
        self.query_one(TabLine).current = tab
        self.promptrec.remember(tab=tab)
        self.crumbs = (*self.crumbs[:-1], tab.title())
        self.focus_home()
        self.renew()

    def action_next_tab(self) -> None:
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        self._step_tab(-1)

    def _step_tab(self, by: int) -> None:
        self._turn_to(TABS[(TABS.index(self.tab) + by) % len(TABS)])

    def action_next_part(self) -> None:
        self._move(1)

    def action_previous_part(self) -> None:
        self._move(-1)

    def action_toggle_grid(self) -> None:
        self.toggle_class("-single")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "toggle_grid":
            return True if self.has_class("-wide") and self.has_class("-tall") else None
        if action in ("next_part", "previous_part") and self.is_mounted:
            return self.tab in ("curves", "previews")
        return super().check_action(action, parameters)

    def _move(self, by: int) -> None:
        if self.tab == "curves":
            self.query_one(CurvesPane).move_cursor(by)
        else:
            self.query_one(PreviewPane).move(by)


def head_text(
    row: "RunRow",
    glyphs: Glyphs = UNICODE,
    warnings: Sequence[str] = (),
    survives_logout: str = "",
    log_tail: Sequence[str] = (),
    lead: str = "",
    noun: str = "user",
    monitor_users: int = 0,
    computing: str = "",
    left: "Left | None" = None,
    last: float | None = None,
    marked: str = "",
) -> Text:
    """Name, state, whether it is marked, progress and the last values.

    Below them the reason, what the state means and what can be done, the last warning, the end of the log of
    a failed run, and for an active run what it computes with and whether it survives a logout.
    """
    text = Text()
    text.append(clean(row.name), style="bold")
    shown = badge(row)
    if row.tags:
        text.append(clean(f"  {' '.join(f'#{tag}' for tag in row.tags)}"), style="magenta")
    text.append(f"  {state_text(row, glyphs)}", style=shown.colour)
    if marked:
        text.append(f"  {marked}", style="bold cyan")
    text.append(f"  {progress_text(row)}")
    if left:
        text.append(f"  {left_text(left.seconds, datetime.now().astimezone(), left.what)}", style="dim")
    text.append(f"  last train loss {number_text(row.train_loss)}")
    if row.best_value is not None:
        best = figure_text(row.best_value, monitor_users or None, lead)
        text.append(f"  best validation {metric_text(clean(lead))} {best}")
        if last is not None:
            text.append(f", last {figure_text(last, monitor_users or None)}")
        if monitor_users:
            text.append(f", {cases_text(monitor_users, noun)}", style="dim")
    if row.best_step:
        text.append(f", adapter of {row.best_step}", style="dim")
    if row.note:
        text.append(f"\n{clean(row.note)}", style="italic")
    if row.reason:
        text.append(f"\n{clean(row.reason)}", style="dim" if row.state == "done" else shown.colour)
    if advice := shown.text(quote(clean(row.name))):
        text.append(f"\n{advice}", style=shown.colour if row.stalled else "dim")
    if warnings:
        more = f" (+{len(warnings) - 1} more)" if len(warnings) > 1 else ""
        text.append(f"\n! {clean(warnings[-1])}{more}", style="yellow")
    # The trainer prints the reason too.
    lines = [line for line in log_tail if line.strip() != row.reason]
    for line in lines[-SHOWN_LINES:]:
        text.append(f"\n| {clean(line)}", style="dim")
    if computing and row.state in GOING:
        text.append(f"\n{clean(computing)}", style="dim")
    if survives_logout and row.state in (*GOING, "queued"):
        text.append(f"\n{clean(survives_logout)}", style="dim")
    return text
