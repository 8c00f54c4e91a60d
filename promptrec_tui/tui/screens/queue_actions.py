"""The actions on the queue, for lists of runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from textual import work

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.screens.label_actions import LabelActions

if TYPE_CHECKING:
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.queue import Where
    from promptrec_tui.workspace.runs import RunRow

P = ParamSpec("P")

WAITING_ONLY = ("move_run", "change_priority", "toggle_after_failure")


class QueueActions(LabelActions):
    """Move, hold and release the present run, set its priority and what its failure does to the queue."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        row = self.present_run
        if action in WAITING_ONLY:
            return True if row and row.queue else None
        if action == "toggle_hold":
            return True if row and (row.queue or row.state == "failed") else None
        return super().check_action(action, parameters)

    def action_move_run(self, where: "Where") -> None:
        if row := self.present_run:
            self._queue(workspace.queue.move_run, row.id, where)

    def action_toggle_hold(self) -> None:
        if row := self.present_run:
            self._queue(
                workspace.queue.hold_run if row.queue and not row.queue.held else workspace.queue.release_run,
                row.id,
            )

    def action_change_priority(self, by: int) -> None:
        if (row := self.present_run) and row.queue:
            self._queue(workspace.queue.set_priority, row.id, row.queue.priority + by)

    def action_toggle_after_failure(self) -> None:
        if (row := self.present_run) and row.queue:
            self._queue(workspace.queue.set_after_failure, row.id, not row.queue.continue_after_failure)

    @work(group="act", exit_on_error=False)
    async def _queue(
        self, function: "Callable[Concatenate[Workspace, P], RunRow]", *args: P.args, **options: P.kwargs
    ) -> None:
        await self.ask(function, *args, **options)
        self.renew()
