"""The list of runs as the app's home: the rows of the last time, what goes on, and the ways to begin."""

import time
from typing import TYPE_CHECKING, Any

from textual.widgets import Input

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.screens.marked_list import MarkedList
from promptrec_tui.tui.widgets.home_pane import HomePane
from promptrec_tui.tui.widgets.last_rows import MOST, last_rows, rows_again
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.workspace.session import load_list

if TYPE_CHECKING:
    from promptrec_tui.workspace.home_view import Machine
    from promptrec_tui.workspace.runs import RunRow

FIRST_ACTIONS = (
    *("runs.begin", "start the sample run: simulated films, a tiny model, about 3 minutes"),
    *("runs.import", "import data of your own"),
    *("runs.new", "describe a new run"),
    *("runs.tour", "walk through six keys"),
)
"""What can be done where there is no run yet."""

KEEP_SECONDS = 10.0
"""How often the rows are kept for the next start, while they change."""

HOME_SECONDS = 10.0
"""How often the machine is looked at while nothing changes."""


class HomeActions(MarkedList):
    """For the screen with a `RunTable`, a `HomePane` and a filter."""

    _kept: dict[str, Any] | None = None
    """The rows that were kept last, and when (monotonic seconds)."""
    _kept_at = -KEEP_SECONDS
    _home_of: "tuple[RunRow, ...] | None" = None
    """The runs of which the home pane was shown last."""
    _home_at = 0.0
    """When the machine was looked at last (monotonic seconds)."""
    _machine: "Machine | None" = None
    _early: str | None = None
    """The row of the last time on which the cursor was at first; None where there were no such rows."""

    @property
    def early_choice(self) -> str:
        """The row of the last time to which a person has moved the cursor; empty where nobody did."""
        chosen = self.query_one(RunTable).chosen or ""
        return chosen if self._early is not None and chosen != self._early else ""

    def on_mount(self) -> None:
        """Show the rows of the last time at once; no key acts on them, as none of them is a run yet."""
        table = self.query_one(RunTable)
        if rows := rows_again(load_list(self.promptrec.home), self.columns):
            table.show_again(rows, self.columns)
            table.choose(self.promptrec.recall("run", ""))
            self.add_class("-filled")
            self._early = table.chosen or ""
            self.query_one(HomePane).update("now   the list of the last time, refreshing")

    async def load_home(self) -> None:
        """Show what goes on: when a run has changed, and every few seconds for the machine."""
        rows, now = self.promptrec.runs, time.monotonic()
        if rows != self._home_of or now - self._home_at > HOME_SECONDS:
            known = self._machine if now - self._home_at <= HOME_SECONDS else None
            self._home_of, self._home_at = rows, self._home_at if known else now
            view = await self.ask(workspace.home_view.home_view, rows, known)
            self._machine = view.machine
            self.query_one(HomePane).show(view)
        self.keep_list()

    def keep(self) -> None:
        self.keep_list(0.0)

    def keep_list(self, seconds: float = KEEP_SECONDS) -> None:
        """Keep the rows for the first frame of the next start, unless that was done a moment ago."""
        filtered = self.query_one("#filter", Input).value
        if self._home_of is None or filtered or time.monotonic() - self._kept_at < seconds:
            return
        rows = last_rows(self.query_one(RunTable).texts(MOST), self.columns)
        if rows != self._kept:
            self._kept, self._kept_at = rows, time.monotonic()
            self.promptrec.backend.keep_list(rows)

    def action_begin_sample(self) -> None:
        self.promptrec.start_demo()

    def action_import_dataset(self) -> None:
        from promptrec_tui.tui.screens.import_dataset import ImportScreen

        self.app.push_screen(ImportScreen(), lambda _: self.renew())

    def action_tour(self) -> None:
        from promptrec_tui.tui.screens.tour import TourScreen

        self.app.push_screen(TourScreen())
