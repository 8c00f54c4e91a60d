"""Which columns the list of runs has, in which order, and by which it is sorted."""

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from promptrec_tui.run_fields import NEWEST_FIRST, NUMBERS, TEXTS, Sort
from promptrec_tui.tui.actions import actions_of, bindings
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.hints import keys_text
from promptrec_tui.tui.widgets.run_columns import COLUMNS, DEFAULT
from promptrec_tui.tui.widgets.table import Table

Changed = Callable[[tuple[str, ...], Sort], None]
"""Called at once with the columns and the order after each change."""


class RunColumnsScreen(ModalScreen[None]):
    """The columns that are shown come first, in their order; the list behind follows each change.

    The name is always the first: it stays in sight while the others scroll.
    """

    PLACE = "run_columns"
    BINDINGS = bindings("run_columns")
    AUTO_FOCUS = "Table"

    def __init__(self, columns: tuple[str, ...], sort: Sort, glyphs: Glyphs, changed: Changed) -> None:
        super().__init__()
        self._columns, self._sort, self._glyphs, self._changed = columns, sort, glyphs, changed

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content("Columns, from left to right").stylize("bold"))
            yield Table((("shown", 5), ("column", 12), ("what it is", 24)))
            yield Static(keys_text(actions_of("run_columns")))

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        others = [name for name in COLUMNS if name not in self._columns]
        rows = {}
        for name in (*self._columns, *others):
            mark = self._glyphs.dot if name in self._columns else ""
            arrow = self._glyphs.fall if self._sort.largest_first else self._glyphs.rise
            label = f"{name} {arrow}" if name == self._sort.field else name
            rows[name] = (
                Text(f"  {mark}", "green"),
                Text(label, no_wrap=True),
                Text(COLUMNS[name].help, "dim"),
            )
        self.query_one(Table).show(rows)

    def _change(self, columns: tuple[str, ...], sort: Sort) -> None:
        self._columns, self._sort = columns, sort
        self._show()
        self._changed(columns, sort)

    @property
    def _present(self) -> str:
        """The column under the cursor."""
        return self.query_one(Table).chosen or ""

    def action_toggle_column(self) -> None:
        """Show or hide the column; the name stays."""
        if self._present in self._columns:
            kept = ("name", *(name for name in self._columns[1:] if name != self._present))
        else:
            kept = (*self._columns, self._present)
        self._change(kept, self._sort)

    def action_move_column(self, by: int) -> None:
        """Move a shown column by one place."""
        if self._present not in self._columns[1:]:
            return
        place = self._columns.index(self._present)
        rest = [name for name in self._columns if name != self._present]
        rest.insert(max(place + by, 1), self._present)
        self._change(tuple(rest), self._sort)

    def action_sort_column(self) -> None:
        """Sort by the column; a second time turns the order."""
        if self._present in (*TEXTS, *NUMBERS):
            turned = self._present == self._sort.field and not self._sort.largest_first
            self._change(self._columns, Sort(self._present, turned))

    def action_reset_columns(self) -> None:
        """The columns and the order of a new home."""
        self._change(DEFAULT, NEWEST_FIRST)

    def action_close(self) -> None:
        """Back to the list."""
        self.dismiss()
