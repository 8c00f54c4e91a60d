"""One run: its curves, previews, model to try, spec and log."""

from collections.abc import Sequence
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import ContentSwitcher, Static

from promptrec_tui.text import cases_text, clean, left_text, metric_text
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.glyphs import UNICODE, Glyphs
from promptrec_tui.tui.screens.curve_actions import CurveActions
from promptrec_tui.tui.widgets.config_text import config_text
from promptrec_tui.tui.widgets.curves_pane import CurvesPane
from promptrec_tui.tui.widgets.log_tail import LogTail
from promptrec_tui.tui.widgets.preview_pane import PreviewPane
from promptrec_tui.tui.widgets.run_text import (
    GOING,
    badge,
    number_text,
    progress_text,
    state_text,
)
from promptrec_tui.tui.widgets.tab_line import TabLine
from promptrec_tui.tui.widgets.text_pane import TextPane
from promptrec_tui.tui.widgets.try_pane import TryPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

SHOWN_LINES = 3
"""Lines of the log of a failed run in the head; the log tab has all."""

TABS = ("curves", "previews", "try", "config", "log")


class RunScreen(CurveActions):
    """The screen of the run with this id."""

    PLACE = "run"
    MODE = "runs"
    BINDINGS = bindings("run")

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run
        self._row: RunRow | None = None

    def body(self) -> ComposeResult:
        tab = self.promptrec.recall("tab", "")
        tab = tab if tab in TABS else TABS[0]
        yield Static(id="head", markup=False)
        yield TabLine(TABS, tab)
        with ContentSwitcher(initial=tab):
            yield CurvesPane(self.promptrec.ascii_only, id="curves")
            yield PreviewPane(self.promptrec.glyphs, id="previews")
            yield TryPane(self.promptrec.glyphs, id="try")
            with TextPane(id="config"):
                yield Static(id="spec", markup=False)
            yield LogTail(id="log")

    def on_mount(self) -> None:
        self.keep_scroll(self.query_one("#log"), "log")

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
        await super().load()
        row = self.present_run
        if row is None:
            self.action_back()
            return
        self.refresh_bindings()
        if self._row is None:
            self.query_one("#head", Static).update(head_text(row, self.promptrec.glyphs))
        if row != self._row:
            await self._load_view()
            self._row = row
        if self.tab == "log":
            log = self.query_one(LogTail)
            log.feed(await self.ask(workspace.run_views.read_log, self._run, log.path, log.read_bytes))

    async def _load_view(self) -> None:
        view = await self.ask(workspace.run_views.run_view, self._run)
        self.query_one("#head", Static).update(
            head_text(
                view.row,
                self.promptrec.glyphs,
                view.warnings,
                view.survives_logout,
                view.log_tail,
                view.leading[0],
                view.noun,
                view.monitor_users,
                view.computing,
                view.seconds_left,
            )
        )
        self.query_one(CurvesPane).show(view)
        self.query_one(PreviewPane).show(view.previews)
        self.query_one(TryPane).row = view.row
        if self._row is None:
            config = await self.ask(workspace.run_config.run_config, self._run)
            self.query_one("#spec", Static).update(config_text(config))
            self.keep_scroll(self.query_one("#config"), "config")

    def focus_home(self) -> None:
        self.query_one(f"#{self.tab}").focus()

    def run_deleted(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        if self.focused and self.focused.id == "question":
            self.focus_home()
        else:
            self.promptrec.remember(open=False)
            self.dismiss()

    def action_show_tab(self, tab: str) -> None:
        self.query_one(ContentSwitcher).current = tab
        self.query_one(TabLine).current = tab
        self.promptrec.remember(tab=tab)
        self.focus_home()
        if tab == "try":
            self.query_one(TryPane).focus_field()
        self.renew()

    def action_next_tab(self) -> None:
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        self._step_tab(-1)

    def _step_tab(self, by: int) -> None:
        self.action_show_tab(TABS[(TABS.index(self.tab) + by) % len(TABS)])

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
            return True if self.tab in ("curves", "previews") else None
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
    seconds_left: float | None = None,
) -> Text:
    """Name, state, progress and the last values.

    Below them the reason, what the state means and what can be done, the last warning, the end of the log of
    a failed run, and for an active run what it computes with and whether it survives a logout.
    """
    text = Text()
    text.append(clean(row.name), style="bold")
    shown = badge(row)
    if row.tags:
        text.append(clean(f"  {' '.join(f'#{tag}' for tag in row.tags)}"), style="magenta")
    text.append(f"  {state_text(row, glyphs)}", style=shown.colour)
    text.append(f"  {progress_text(row)}")
    if seconds_left is not None:
        text.append(f"  {left_text(seconds_left, datetime.now().astimezone())}", style="dim")
    text.append(f"  loss {number_text(row.train_loss)}")
    text.append(f"  best validation {metric_text(clean(lead))} {number_text(row.best_value, 4)}")
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
