"""The actions on the list of runs itself: its columns and its order, kept for the next start."""

from collections.abc import Sequence

from promptrec_tui.run_fields import NEWEST_FIRST, NUMBERS, TEXTS, Sort
from promptrec_tui.tui.screens.queue_actions import QueueActions
from promptrec_tui.tui.widgets.run_columns import known_columns


class ListActions(QueueActions):
    """Subclasses define `show_list`."""

    def show_list(self) -> None:
        """Show the list again, with other columns or in another order."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the person chose, from the left."""
        return known_columns(self.promptrec.recall("columns", list[object]()))

    @property
    def visible_columns(self) -> Sequence[str]:
        """Those of the columns that fit the terminal."""
        return self.columns

    @property
    def sort(self) -> Sort:
        """The order that the person chose."""
        kept = self.promptrec.recall("sort", list[object]())
        match kept:
            case [str() as field, bool() as largest] if field in TEXTS or field in NUMBERS:
                return Sort(field, largest)
        return NEWEST_FIRST

    def _keep(self, columns: tuple[str, ...], sort: Sort) -> None:
        self.promptrec.remember(columns=list(columns), sort=[sort.field, sort.largest_first])
        self.show_list()

    def action_sort_by(self, by: int) -> None:
        """Sort by the next column, or the one before; figures begin with the largest."""
        fields = [name for name in self.visible_columns if name in TEXTS or name in NUMBERS]
        if self.sort.field in fields:
            field = fields[(fields.index(self.sort.field) + by) % len(fields)]
        else:
            field = fields[0]
        self._keep(self.columns, Sort(field, field in ("best", "test", "progress")))

    def action_turn_order(self) -> None:
        """The largest first instead of the smallest, or back."""
        self._keep(self.columns, Sort(self.sort.field, not self.sort.largest_first))

    def action_choose_columns(self) -> None:
        """Open the chooser over the list."""
        from promptrec_tui.tui.screens.run_columns import RunColumnsScreen

        self.app.push_screen(RunColumnsScreen(self.columns, self.sort, self.promptrec.glyphs, self._keep))
