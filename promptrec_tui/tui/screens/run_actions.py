"""What can be done with a run from any screen that shows one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work

from promptrec_tui.tui import verbs
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.screens.confirm import ConfirmScreen

if TYPE_CHECKING:
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import RunRow

ALLOWED = {
    "stop_run": ("queued", "starting", "running", "pausing"),
    "pause_run": ("starting", "running"),
    "resume_run": ("draft", "paused", "stopped", "failed", "interrupted"),
    "delete_run": ("draft", "queued", "paused", "stopped", "done", "failed", "interrupted"),
}
"""The states in which each can be done."""


class RunActions(BaseScreen[None]):
    """Stop, pause, resume and delete; `present_run` says which run."""

    @property
    def present_run(self) -> "RunRow | None":
        """The run that the keys mean."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ALLOWED:
            row = self.present_run
            return True if row and row.state in ALLOWED[action] else None
        return super().check_action(action, parameters)

    @work(group="act", exit_on_error=False)
    async def action_stop_run(self) -> None:
        if (row := self.present_run) is None:
            return
        total = f" of {row.total_steps}" if row.total_steps else ""
        cost = f"It is at step {row.step}{total}. Its best adapter stays."
        if await self.app.push_screen_wait(ConfirmScreen(f"Stop run {row.name}?", cost, "Stop")):
            await self._do(verbs.stop_run, row)

    @work(group="act", exit_on_error=False)
    async def action_pause_run(self) -> None:
        if row := self.present_run:
            await self._do(verbs.pause_run, row)

    @work(group="act", exit_on_error=False)
    async def action_resume_run(self) -> None:
        if row := self.present_run:
            await self._do(verbs.resume_run, row)

    @work(group="act", exit_on_error=False)
    async def action_delete_run(self) -> None:
        if (row := self.present_run) is None:
            return
        cost = "Its checkpoints, adapter, figures and log go too. This cannot be undone."
        if await self.app.push_screen_wait(ConfirmScreen(f"Delete run {row.name}?", cost, "Delete")):
            await self._do(verbs.delete_run, row)
            self.run_deleted()

    def run_deleted(self) -> None:
        """Called after the present run was deleted."""

    async def _do(self, verb: "Callable[[Workspace, str], RunRow]", row: "RunRow") -> None:
        await self.ask(verb, row.id)
        self.renew()
