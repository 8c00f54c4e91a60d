"""The marks in the list of runs: the line that counts them, and the actions on several at once."""

from typing import TYPE_CHECKING

from textual.content import Content

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import BY_ID
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.marks import keep_marks, marked_baseline
from promptrec_tui.tui.screens.list_actions import ListActions
from promptrec_tui.tui.widgets.hints import keys_text
from promptrec_tui.tui.widgets.steady import Steady

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

KEYS = ("runs.compare", "runs.baseline", "runs.mark_all")


class MarkedList(ListActions):
    """Subclasses define `shown_runs` and have a line `#marks`."""

    @property
    def baseline(self) -> str:
        """The id of the marked run with which others are compared."""
        return marked_baseline(self.promptrec)

    @property
    def shown_runs(self) -> "list[RunRow]":
        """The runs that the list shows."""
        return []

    @property
    def labelled_runs(self) -> "tuple[RunRow, ...]":
        # Marked runs that a filter hides stay as they are: nobody sees that they are meant.
        marked = tuple(row for row in self.shown_runs if row.id in self.marks)
        return marked or super().labelled_runs

    def marks_changed(self) -> None:
        self.show_list()

    def show_marks(self) -> None:
        """The line that counts the marks and names the keys for them; hidden without any."""
        line, marks, baseline = Content(), self.marks, self.baseline
        if marks:
            name = next(row.name for row in self.promptrec.runs if row.id == baseline)
            line = marks_text(len(marks), name, self.promptrec.glyphs)
        self.set_class(bool(marks), "-marked")
        self.query_one("#marks", Steady).renew(line)

    def action_mark(self) -> None:
        """Mark the present run, or not, and go on to the next one."""
        super().action_mark()
        self.cursor_down()

    def cursor_down(self) -> None:
        """Go to the next run of the list."""

    def action_mark_all(self) -> None:
        """Mark all shown runs, or none if they all are."""
        shown = [row.id for row in self.shown_runs]
        all_marked = set(shown) <= set(self.marks)
        self._keep_marks(() if all_marked else tuple(dict.fromkeys([*self.marks, *shown])))

    def action_choose_baseline(self) -> None:
        """Compare the others with the present run."""
        if row := self.present_run:
            self._keep_marks(tuple(dict.fromkeys([*self.marks, row.id])), row.id)

    def _keep_marks(self, marks: tuple[str, ...], baseline: str = "") -> None:
        keep_marks(self.promptrec, marks, baseline)
        self.show_list()


def marks_text(count: int, baseline: str, glyphs: Glyphs) -> Content:
    """How many runs are marked, the keys for them, and the baseline."""
    return Content("  ").join(
        [
            Content.styled(f"{glyphs.mark} {count} marked", "bold $accent"),
            keys_text([BY_ID[id] for id in KEYS]),
            Content.styled(f"{glyphs.target} baseline {clean(baseline)}", "dim"),
        ]
    )
