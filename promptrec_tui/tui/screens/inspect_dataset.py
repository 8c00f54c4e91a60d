"""One dataset before it is used: lints, statistics, splits."""

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.widgets import ContentSwitcher, Static

from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.child import run_child
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.inspect_text import lints_text, splits_text, statistics_text
from promptrec_tui.tui.widgets.progress_line import ProgressLine
from promptrec_tui.tui.widgets.tab_line import TabLine
from promptrec_tui.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow

COMMANDS = {"lints": "lint", "statistics": "stats", "splits": "splits"}
TABS = tuple(COMMANDS)

Answers = dict[tuple[str, str], Any]
"""The results of the commands, by dataset id and tab: a dataset file never changes."""


class InspectScreen(BaseScreen[None]):
    """Each tab is a command of the app in a child process, started when the tab is first seen."""

    PLACE = "inspect"
    MODE = "data"
    BINDINGS = bindings("inspect")

    def __init__(self, row: "DatasetRow", tab: str, answers: Answers) -> None:
        super().__init__()
        self._row = row
        self._first = tab
        self._answers = answers
        self._going: dict[str, tuple[str, int, int]] = {}
        """Phase, done and total of the running commands, by tab."""

    def body(self) -> ComposeResult:
        yield Static(fit(self._row.name, 60, "bold"), id="name")
        yield TabLine(TABS, self._first)
        with ContentSwitcher(initial=self._first):
            for tab in TABS:
                with TextPane(id=tab):
                    yield Static(id=f"{tab}-text", markup=False)
        yield ProgressLine(self.promptrec.ascii_only, id="progress")

    def on_mount(self) -> None:
        self.action_show_tab(self._first)

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self.query_one(ContentSwitcher).current or TABS[0]

    def focus_home(self) -> None:
        self.query_one(f"#{self.tab}").focus()

    def action_show_tab(self, tab: str) -> None:
        self.query_one(ContentSwitcher).current = tab
        self.query_one(TabLine).current = tab
        self.crumbs = (self._row.name, tab.title())
        self.focus_home()
        if (self._row.id, tab) in self._answers:
            self.call_after_refresh(self._show, tab)
        elif tab not in self._going:
            self._going[tab] = ("opening the dataset…", 0, 0)
            self._inspect(tab)
        self._show_progress()

    def action_next_tab(self) -> None:
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        self._step_tab(-1)

    def _step_tab(self, by: int) -> None:
        self.action_show_tab(TABS[(TABS.index(self.tab) + by) % len(TABS)])

    def on_resize(self) -> None:
        if self.is_mounted:
            for tab in TABS:
                self._show(tab)

    @work(group="inspect", exit_on_error=False)
    async def _inspect(self, tab: str) -> None:
        text = self.query_one(f"#{tab}-text", Static)

        def show(phase: str, done: int, total: int) -> None:
            self._going[tab] = (phase, done, total)
            self._show_progress()

        arguments = ("dataset", COMMANDS[tab], "--progress=json", "--json", "--", self._row.id)
        try:
            self._answers[self._row.id, tab] = await run_child(self.promptrec.home, arguments, show)
        except BaseException:
            if text.is_attached:
                text.update("It could not be read. Come back to this tab to try again.")
            raise
        finally:
            del self._going[tab]
            if text.is_attached:
                self._show_progress()
        self._show(tab)

    def _show_progress(self) -> None:
        self.query_one(ProgressLine).at = self._going.get(self.tab)

    def _show(self, tab: str) -> None:
        answer = self._answers.get((self._row.id, tab))
        if answer is None:
            return
        pane = self.query_one(f"#{tab}")
        # A hidden pane has no width yet; that of the screen is close enough.
        width = (pane.size.width or self.size.width) - 2
        glyphs = self.promptrec.glyphs
        shown: Text
        if tab == "lints":
            shown = lints_text(answer, width, glyphs)
        elif tab == "statistics":
            shown = statistics_text(answer, width, glyphs, self.promptrec.ascii_only)
        else:
            shown = splits_text(answer)
        self.query_one(f"#{tab}-text", Static).update(shown)
