"""The form of a new run."""

from textual.app import ComposeResult
from textual.widgets import Static

from promptrec_tui.tui import verbs
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.base import BaseScreen


class NewRunScreen(BaseScreen[str | None]):
    """Answers the id of the run that was started, or None."""

    PLACE = "new_run"
    MODE = "runs"
    BINDINGS = bindings("new_run")

    def body(self) -> ComposeResult:
        yield Static("", id="defaults", markup=False)

    async def load(self) -> None:
        await super().load()
        new = await self.ask(verbs.new_run_defaults)
        self.query_one("#defaults", Static).update(f"{new.name}: {new.template}, {new.model}, {new.dataset}")
