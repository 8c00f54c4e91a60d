"""The actions on marks: the runs that are compared, tagged, pinned or archived together."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from promptrec_tui.text import clean
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.screens.list_actions import ListActions

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow


class MarkActions(ListActions):
    """Marks are kept for the next start. Subclasses define `shown_runs` and have a line `#marks`."""

    marks: tuple[str, ...] = ()
    """The ids of the marked runs, in the order in which they were marked."""
    baseline = ""
    """The id of the marked run with which others are compared; empty: the first one."""
    _marks_line = ""

    @property
    def shown_runs(self) -> "list[RunRow]":
        """The runs that the list shows."""
        return []

    @property
    def labelled_runs(self) -> "tuple[RunRow, ...]":
        # Marked runs that a filter hides stay as they are: nobody sees that they are meant.
        marked = tuple(row for row in self.shown_runs if row.id in self.marks)
        return marked or super().labelled_runs

    def restore_marks(self) -> None:
        """Take the marks of the last time."""
        kept = self.promptrec.recall("marks", list[object]())
        self.marks = tuple(run for run in kept if isinstance(run, str))
        self.baseline = self.promptrec.recall("baseline", "")

    def show_marks(self) -> None:
        """The line that counts the marks and names the keys for them; hidden without any."""
        line = Content()
        if self.marks:
            there = {row.id: row for row in self.promptrec.runs}
            self.marks = tuple(run for run in self.marks if run in there)
            if self.baseline not in self.marks:
                self.baseline = next(iter(self.marks), "")
            if self.marks:
                line = marks_text(len(self.marks), there[self.baseline].name, self.promptrec.glyphs)
        self.set_class(bool(self.marks), "-marked")
        # An update would repaint the line each second.
        if line.plain != self._marks_line:
            self._marks_line = line.plain
            self.query_one("#marks", Static).update(line)

    def _mark(self, marks: tuple[str, ...]) -> None:
        self.marks = marks
        self.show_list()
        self.promptrec.remember(marks=list(self.marks), baseline=self.baseline)

    def action_mark(self) -> None:
        """Mark the present run, or not, and go on to the next one."""
        if (row := self.present_run) is None:
            return
        others = tuple(run for run in self.marks if run != row.id)
        self._mark(others if row.id in self.marks else (*self.marks, row.id))
        self.cursor_down()

    def cursor_down(self) -> None:
        """Go to the next run of the list."""

    def action_mark_all(self) -> None:
        """Mark all shown runs, or none if they all are."""
        shown = [row.id for row in self.shown_runs]
        self._mark(() if set(shown) <= set(self.marks) else tuple(dict.fromkeys([*self.marks, *shown])))

    def action_choose_baseline(self) -> None:
        """Compare the others with the present run."""
        if row := self.present_run:
            self.baseline = row.id
            self._mark(tuple(dict.fromkeys([*self.marks, row.id])))

    def action_compare(self) -> None:
        """Open the comparison of the marked runs."""
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
        self.app.push_screen(CompareScreen(runs, self.baseline), self._compared)

    def _compared(self, _: None) -> None:
        self.baseline = self.promptrec.recall("baseline", "")
        self.show_list()


def marks_text(count: int, baseline: str, glyphs: Glyphs) -> Content:
    """How many runs are marked, the keys for them, and the baseline."""
    keys = (("=", "compare"), ("b", "baseline"), ("*", "all or none"))
    return Content("  ").join(
        [
            Content.styled(f"{glyphs.mark} {count} marked", "bold $accent"),
            *(Content.assemble((key, "bold $accent"), f" {does}") for key, does in keys),
            Content.styled(f"{glyphs.target} baseline {clean(baseline)}", "dim"),
        ]
    )
