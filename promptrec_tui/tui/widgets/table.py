"""A table whose rows have keys: an update changes only the cells that differ, so cursor and scroll stay."""

from collections.abc import Container, Mapping, Sequence

from rich.text import Text
from textual.message import Message
from textual.widgets import DataTable

from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied


class KeyedText(Text):
    """A first cell with its row's key, for sorting."""

    row_key: str = ""


class Table(DataTable[Text], inherit_bindings=False):
    """`columns` are (label, width in cells); the headings of those in `right` are right-aligned.

    Fill it with `show`; it posts `Chosen` for the row under the cursor.
    """

    BINDINGS = bindings("table")
    PANE = "table"

    class Chosen(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, table: "Table", key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "Table":
            return self.table

    def __init__(
        self, columns: Sequence[tuple[str, int]], right: Container[str] = (), id: str | None = None
    ) -> None:
        # Colours of cells stay under the cursor: the state of a run must not lose its own.
        super().__init__(
            id=id, cursor_type="row", zebra_stripes=False, cursor_foreground_priority="renderable"
        )
        self._labels = columns
        self._shown: dict[str, tuple[Text, ...]] = {}
        self._chosen: str | None = None
        for label, width in columns:
            heading = label.rjust(width) if label in right else label
            self.add_column(Text(heading), width=width, key=label)

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.ordered_rows[self.cursor_row].key.value

    @property
    def keys(self) -> list[str]:
        """The keys of the rows that are shown, from the top."""
        return [row.key.value or "" for row in self.ordered_rows]

    @property
    def labels(self) -> list[str]:
        """The headings of the columns."""
        return [label for label, _ in self._labels]

    def cells_of(self, key: str) -> tuple[Text, ...]:
        """The cells of a row that is shown."""
        return self._shown[key]

    def copied(self) -> Copied | None:
        """The row under the cursor. Where its cells are cut, the screen knows the whole text."""
        cells = self._shown.get(self.chosen or "", ())
        return Copied("row", "  ".join(cell.plain.strip() for cell in cells)) if cells else None

    def show(self, rows: Mapping[str, Sequence[Text]]) -> None:
        """Show exactly these rows, in this order. The cursor stays on its row if that is among them."""
        chosen = self.chosen
        for key in [key for key in self._shown if key not in rows]:
            self.remove_row(key)
            del self._shown[key]
        for key, cells in rows.items():
            self._show_row(key, tuple(cells))
        if self.keys != list(rows):
            order = {key: number for number, key in enumerate(rows)}
            self.sort(self._labels[0][0], key=lambda cell: order[cell.row_key])
        if chosen is not None and chosen in rows:
            self.choose(chosen)
        self._tell()

    def choose(self, key: str) -> None:
        """Put the cursor on the row with this key, if it is shown."""
        if key in self._shown and key != self.chosen:
            self.move_cursor(row=self.keys.index(key), animate=False)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._tell()

    def action_scroll_top(self) -> None:
        self.move_cursor(row=0)

    def action_scroll_bottom(self) -> None:
        self.move_cursor(row=self.row_count - 1)

    def _show_row(self, key: str, cells: tuple[Text, ...]) -> None:
        before = self._shown.get(key)
        first = KeyedText(cells[0].plain, style=cells[0].style, no_wrap=True)
        first.row_key = key
        if before is None:
            self.add_row(first, *cells[1:], key=key)
        else:
            for (label, _), old, new in zip(self._labels, before, cells, strict=True):
                # Texts compare equal even if their styles differ.
                if (old, old.style) != (new, new.style):
                    self.update_cell(key, label, first if new is cells[0] else new)
        self._shown[key] = cells

    def _tell(self) -> None:
        if (chosen := self.chosen) != self._chosen:
            self._chosen = chosen
            self.post_message(self.Chosen(self, chosen))
