"""Marking a run, for all screens that show one."""

from typing import TYPE_CHECKING

from promptrec_tui.tui.marks import marked_runs, toggle_mark
from promptrec_tui.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow


class MarkActions(BaseScreen[None]):
    """Mark the `present_run`, or take the mark away."""

    @property
    def present_run(self) -> "RunRow | None":
        """The run that the keys act on."""
        return None

    @property
    def marks(self) -> tuple[str, ...]:
        """The ids of the marked runs, in the order in which they were marked."""
        return marked_runs(self.promptrec)

    def marks_changed(self) -> None:
        """Show which runs are marked now."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "mark":
            return True if self.present_run else None
        return super().check_action(action, parameters)

    def action_mark(self) -> None:
        """Mark the present run, or not."""
        if row := self.present_run:
            toggle_mark(self.promptrec, row.id)
            self.marks_changed()
