"""What tables of any length share: a cursor over rows of which only the visible ones are drawn."""

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from promptrec_tui.tui.actions import bindings


class RowView(ScrollView, can_focus=True, inherit_bindings=False):
    """Subclasses define `row_count`, `key_at`, `header` and `row`.

    It posts `Chosen` for the row under the cursor, and `Opened` after a click on it.
    """

    BINDINGS = bindings("table")
    PANE = "table"
    COMPONENT_CLASSES = {"view--header", "view--row", "view--cursor"}  # noqa: RUF012 (Textual reads it so)

    cursor: reactive[int] = reactive(0)

    _chosen: str | None = None

    class Chosen(Message):
        """Another row is under the cursor, or none."""

        def __init__(self, table: "RowView", key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "RowView":
            return self.table

    class Opened(Chosen):
        """The row under the cursor was clicked."""

    @property
    def row_count(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    def key_at(self, number: int) -> str | None:
        """The key of a row; None when it is not known yet."""
        raise NotImplementedError

    def header(self, width: int) -> Strip:
        """The line of the headings."""
        raise NotImplementedError

    def row(self, number: int, width: int) -> Strip:
        """The line of a row, or what stands below the last one."""
        raise NotImplementedError

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        return self.key_at(self.cursor) if self.row_count else None

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        return self.row(self.scroll_offset.y + y - 1, width) if y else self.header(width)

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.row_count - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        self.show_cursor()
        for number in (before, after):
            self.refresh_line(number + 1)
        self.tell()

    @property
    def _visible(self) -> int:
        """The number of rows that there is room for."""
        return max(1, self.size.height - 1)

    @property
    def cursor_in_sight(self) -> bool:
        """Whether the row under the cursor is among the visible ones; a person may have scrolled it away."""
        return self.scroll_offset.y <= self.cursor < self.scroll_offset.y + self._visible

    def show_cursor(self) -> None:
        """Scroll as little as puts the row under the cursor in sight."""
        top, visible = self.scroll_offset.y, self._visible
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + visible:
            self.scroll_to(y=self.cursor - visible + 1, animate=False)

    def measure(self) -> None:
        """Tell how large all rows are together; to be called when their number changes."""
        self.virtual_size = Size(self.scrollable_content_region.width, self.row_count + 1)

    def tell(self) -> None:
        """Post `Chosen` if another row is under the cursor now."""
        if (chosen := self.chosen) != self._chosen:
            self._chosen = chosen
            self.post_message(self.Chosen(self, chosen))

    def on_resize(self) -> None:
        self.measure()

    def on_click(self, event: events.Click) -> None:
        number = self.scroll_offset.y + event.y - 1
        if event.y > 0 and number < self.row_count:
            self.clicked(number)

    def clicked(self, number: int) -> None:
        """Put the cursor on a row, and open it if it stood there."""
        if number == self.cursor:
            self.post_message(self.Opened(self, self.chosen))
        self.cursor = number

    def action_cursor_down(self) -> None:
        self.cursor += 1

    def action_cursor_up(self) -> None:
        self.cursor -= 1

    def action_page_down(self) -> None:
        self.cursor += max(1, self.size.height - 2)

    def action_page_up(self) -> None:
        self.cursor -= max(1, self.size.height - 2)

    def action_scroll_top(self) -> None:
        self.cursor = 0

    def action_scroll_bottom(self) -> None:
        self.cursor = self.row_count - 1
