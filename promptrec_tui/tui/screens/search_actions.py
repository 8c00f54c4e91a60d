"""The actions that look for something in the config and the log of a run, and for errors."""

from promptrec_tui.tui.screens.curve_actions import CurveActions
from promptrec_tui.tui.widgets.log_pane import LogPane
from promptrec_tui.tui.widgets.searched_lines import SearchedLines


class SearchActions(CurveActions):
    """Possible while lines are shown; the next error is in a curve a value that is no number."""

    @property
    def lines_shown(self) -> SearchedLines | None:
        """The pane of lines that the keys act on."""
        return next((pane for pane in self.query(SearchedLines) if pane.display), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        pane = self.lines_shown if self.is_mounted else None
        if action == "search":
            return pane is not None
        if action == "next_match":
            return True if pane and pane.view.sought else None
        if action == "next_fault":
            # Only the log can be searched backwards.
            forward = parameters == (True,)
            return True if isinstance(pane, LogPane) or (self.curves_shown and forward) else None
        return super().check_action(action, parameters)

    def action_search(self) -> None:
        if pane := self.lines_shown:
            pane.search()

    def action_next_match(self, forward: bool) -> None:
        if pane := self.lines_shown:
            pane.step(forward)

    def action_next_fault(self, forward: bool) -> None:
        pane = self.lines_shown
        if isinstance(pane, LogPane):
            pane.step_to_fault(forward)
        elif self.curves_shown:
            self.action_jump("gap")

    def search_left(self) -> bool:
        """Leave the search of the shown lines; whether there was one."""
        pane = self.lines_shown
        if pane is None or not (pane.searching or pane.busy):
            return False
        pane.leave_search()
        return True
