"""The actions on one run, for all screens that show a run."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.copying import Copied, copy
from promptrec_tui.tui.marks import marked_baseline
from promptrec_tui.tui.screens.mark_actions import MarkActions

if TYPE_CHECKING:
    from promptrec_tui.workspace.control import Asked
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.run_forms import DerivedRun
    from promptrec_tui.workspace.runs import RunRow

ANSWER_SECONDS = 0.5

ALLOWED = {
    "stop_run": ("queued", "starting", "running", "pausing"),
    "pause_run": ("starting", "running"),
    "checkpoint_run": ("starting", "running"),
    "kill_run": ("starting", "running", "pausing", "stopping"),
    "continue_run": ("stopped", "done", "failed"),
    "resume_run": ("draft", "paused", "stopped", "failed", "interrupted"),
    "delete_run": ("draft", "queued", "paused", "stopped", "done", "failed", "interrupted"),
}
"""The states in which each action is possible."""


class RunActions(MarkActions):
    """Requests to `present_run`, new runs that are made from it, and its comparison with marked ones."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ALLOWED:
            row = self.present_run
            return True if row and row.state in ALLOWED[action] else None
        return super().check_action(action, parameters)

    def action_compare(self) -> None:
        """Open the comparison of the marked runs; one alone is compared with the present run."""
        from promptrec_tui.tui.screens.compare import MOST_RUNS, CompareScreen

        runs = self.marks
        if len(runs) == 1 and (row := self.present_run):
            runs = tuple(dict.fromkeys([*runs, row.id]))
        if len(runs) > MOST_RUNS:
            self.notify_text(
                f"{len(runs)} runs are marked; the screen has letters for {MOST_RUNS}: unmark some, or ask "
                "promptrec compare.",
                "warning",
            )
            return
        compared = CompareScreen(runs, marked_baseline(self.promptrec))
        self.app.push_screen(compared, lambda _: self.marks_changed())

    @work(group="act", exit_on_error=False)
    async def action_stop_run(self) -> None:
        if (row := self.present_run) is None:
            return
        total = f" of {row.total_steps}" if row.total_steps else ""
        cost = f"It is at step {row.step}{total}. Its best adapter stays."
        if await self._confirmed(f"Stop run {row.name}?", cost, "Stop"):
            await self._request(workspace.control.stop_run, row)

    @work(group="act", exit_on_error=False)
    async def action_pause_run(self) -> None:
        if row := self.present_run:
            await self._request(workspace.control.pause_run, row)

    @work(group="act", exit_on_error=False)
    async def action_checkpoint_run(self) -> None:
        if row := self.present_run:
            await self._request(workspace.control.checkpoint_run, row)

    @work(group="act", exit_on_error=False)
    async def action_kill_run(self) -> None:
        if (row := self.present_run) is None:
            return
        cost = "It may save what it can for a minute; asked again, it is ended at once."
        if await self._confirmed(f"Kill run {row.name}?", cost, "Kill"):
            await self._request(workspace.control.kill_run, row)

    @work(group="act", exit_on_error=False)
    async def action_fork_run(self) -> None:
        if row := self.present_run:
            self._open_form(await self.ask(workspace.run_forms.fork, row.id))

    @work(group="act", exit_on_error=False)
    async def action_continue_run(self) -> None:
        if row := self.present_run:
            self._open_form(await self.ask(workspace.run_forms.continuation, row.id))

    @work(group="act", exit_on_error=False)
    async def action_resume_run(self) -> None:
        if row := self.present_run:
            await self.ask(workspace.control.resume_run, row.id)
            self.renew()

    @work(group="act", exit_on_error=False)
    async def action_delete_run(self) -> None:
        if (row := self.present_run) is None:
            return
        cost = "Its checkpoints, adapter, figures and log go too. This cannot be undone."
        if await self._confirmed(f"Delete run {row.name}?", cost, "Delete"):
            await self.ask(workspace.runs.delete_run, row.id)
            self.renew()
            self.run_deleted()

    @work(group="act", exit_on_error=False)
    async def action_copy_command(self) -> None:
        if row := self.present_run:
            config = await self.ask(workspace.run_config.run_config, row.id)
            await copy(self.app, self.promptrec.home, Copied("command", config.command))

    def run_deleted(self) -> None:
        """Called after the present run was deleted."""

    def run_made(self, run: str) -> None:
        """Called with the id of a run that was made from the present one."""
        self.promptrec.open_run(run)

    async def _confirmed(self, question: str, cost: str, verb: str) -> bool:
        from promptrec_tui.tui.screens.confirm import ConfirmScreen

        return await self.app.push_screen_wait(ConfirmScreen(question, cost, verb))

    def _open_form(self, derived: "DerivedRun") -> None:
        from promptrec_tui.tui.screens.new_run import NewRunScreen

        def made(run: str | None) -> None:
            if run:
                self.run_made(run)

        self.app.push_screen(NewRunScreen(derived), made)

    async def _request(self, function: "Callable[[Workspace, str], Asked]", row: "RunRow") -> None:
        """Send a request, and show its answer as soon as the run has given it."""
        asked = await self.ask(function, row.id)
        self.renew()
        if (answer := await self.ask(workspace.control.answer, asked)) is None:
            self.notify_text(f"{asked.command} requested: {clean(row.name)}")
        while answer is None:
            await asyncio.sleep(ANSWER_SECONDS)
            answer = await self.ask(workspace.control.answer, asked)
        self.notify_text(f"{asked.command} {clean(row.name)}: {clean(answer)}")
        self.renew()
