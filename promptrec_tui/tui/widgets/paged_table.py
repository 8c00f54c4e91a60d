"""A table of any length: only the visible pages are fetched."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import work
from textual.strip import Strip

from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.widgets.cells import cut, padded
from promptrec_tui.tui.widgets.row_view import RowView
from promptrec_tui.workspace.exports import Listing

PAGE_ROWS = 200
LEAST_WIDTH = 20
"""Minimum width of the flexible column; other columns are hidden before it gets less."""

KEPT_PAGES = 20
EXPORTED_ROWS = 5_000
"""Rows that are fetched at once for an export."""


@dataclass(frozen=True)
class Column:
    """`width` in cells, 0 for the remaining width; numbers are right-aligned.

    `rank`: if there is no room, the column with the highest rank is hidden first; rank 0 is never hidden.
    """

    label: str
    width: int = 0
    right: bool = False
    rank: int = 0


@dataclass(frozen=True)
class PagedRow:
    """One row: its key, and its cells as plain text."""

    key: str
    cells: tuple[str, ...]


Fetch = Callable[[int, int], Awaitable[Sequence[PagedRow]]]
"""Fetches rows: (number of the first row, maximum count)."""


class PagedTable(Asking, RowView):
    """Fill it with `show`; it posts `Chosen` for the row under the cursor, and `Opened` after a click."""

    def __init__(
        self, columns: Sequence[Column], more: str = "…", empty: str = "", id: str | None = None
    ) -> None:
        """`more` marks a cut; `empty`: the lines to show if there are no rows."""
        super().__init__(id=id)
        self._empty = empty.split("\n")
        self._columns = columns
        self._more = more
        self._total = 0
        self._fetch: Fetch | None = None
        self._pages: dict[int, Sequence[PagedRow]] = {}
        self._asked: set[int] = set()

    @property
    def row_count(self) -> int:
        """The number of rows, fetched or not."""
        return self._total

    @property
    def pages_held(self) -> list[int]:
        """The pages that are in memory."""
        return sorted(self._pages)

    def key_at(self, number: int) -> str | None:
        row = self._row(number)
        return row.key if row else None

    def copied(self) -> Copied | None:
        """The cell of the flexible column in the row under the cursor: the user, title or text."""
        row = self._row(self.cursor)
        place = next((number for number, column in enumerate(self._columns) if not column.width), 0)
        return Copied(self._columns[place].label, row.cells[place]) if row else None

    async def listing(self, most: int) -> Listing:
        """The first rows as values, fetched again; right-aligned cells are numbers."""
        rows: list[PagedRow] = []
        if self._fetch is None:
            rows = [row for page in sorted(self._pages) for row in self._pages[page]]
        fetch, total = self._fetch, self._total
        while fetch and len(rows) < min(most, total):
            page = await fetch(len(rows), min(EXPORTED_ROWS, most - len(rows)))
            if not page:
                break
            rows += page
        labels = tuple(column.label for column in self._columns)
        return Listing(labels, tuple(self._values(row) for row in rows[:most]))

    def _values(self, row: PagedRow) -> tuple[int | float | str | None, ...]:
        pairs = zip(self._columns, row.cells, strict=False)
        return tuple(_number(cell) if column.right else cell for column, cell in pairs)

    def show(self, total: int, fetch: Fetch) -> None:
        """Show `total` new rows, from the top."""
        self._forget(total)
        self._fetch = fetch
        self._want()
        if not total:
            self.tell()

    def show_all(self, rows: Sequence[PagedRow]) -> None:
        """Show the given rows, from the top."""
        self._forget(len(rows))
        self._fetch = None
        self._pages = {
            start // PAGE_ROWS: rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS)
        }
        self.tell()

    def header(self, width: int) -> Strip:
        return self._strip([column.label for column in self._columns], width, "view--header")

    def row(self, number: int, width: int) -> Strip:
        if number >= self._total:
            text = self._empty[number] if not self._total and number < len(self._empty) else ""
            style = self.get_component_rich_style("view--header")
            return Strip([Segment(padded(f" {text}", width), style)])
        row = self._row(number)
        cells = list(row.cells) if row else [self._more]
        return self._strip(cells, width, "view--cursor" if number == self.cursor else "view--row")

    def watch_cursor(self, before: int, after: int) -> None:
        super().watch_cursor(before, after)
        self._want()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._want()

    def on_resize(self) -> None:
        self._want()

    def clicked(self, number: int) -> None:
        self.cursor = number
        self.post_message(self.Opened(self, self.chosen))

    def _forget(self, total: int) -> None:
        self._total = total
        self._pages = {}
        self._asked = set()
        self.workers.cancel_group(self, "page")
        self.set_reactive(RowView.cursor, 0)
        self.measure()
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def _row(self, number: int) -> PagedRow | None:
        page = self._pages.get(number // PAGE_ROWS, ())
        place = number % PAGE_ROWS
        return page[place] if place < len(page) else None

    def _want(self) -> None:
        """Fetch the pages in view and the page under the cursor."""
        if self._fetch is None or not self._total:
            return
        top = self.scroll_offset.y
        last = min(top + self.size.height, self._total - 1)
        wanted = {*range(top // PAGE_ROWS, last // PAGE_ROWS + 1), self.cursor // PAGE_ROWS}
        for page in sorted(wanted - self._pages.keys() - self._asked):
            self._asked.add(page)
            self._load(page, self._fetch)

    @work(group="page", exit_on_error=False)
    async def _load(self, page: int, fetch: Fetch) -> None:
        rows = await fetch(page * PAGE_ROWS, PAGE_ROWS)
        if fetch is not self._fetch:
            return
        self._asked.discard(page)
        self._pages[page] = rows
        while len(self._pages) > KEPT_PAGES:
            here = self.cursor // PAGE_ROWS
            del self._pages[max(self._pages, key=lambda kept: abs(kept - here))]
        self.refresh()
        self.tell()

    def _strip(self, cells: Sequence[str], width: int, style: str) -> Strip:
        shown = shown_columns(self._columns, width)
        fixed = sum(column.width + 2 for column in shown if column.width)
        text = ""
        for column, cell in zip(self._columns, cells, strict=False):
            if column not in shown:
                continue
            room = column.width or max(0, width - fixed - 2)
            if column.right:
                short = cut(cell, room, self._more)
                text += f" {' ' * (room - cell_len(short))}{short} "
            else:
                text += f" {padded(cell, room, self._more)} "
        rich_style = self.get_component_rich_style(style)
        return Strip([Segment(text, rich_style)]).adjust_cell_length(width, rich_style)


def _number(cell: str) -> int | float | str | None:
    """The number that a cell shows; None for an empty cell."""
    plain = cell.replace(",", "")
    for kind in (int, float):
        with suppress(ValueError):
            return kind(plain)
    return cell or None


def shown_columns(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit a table of `width` cells; the flexible column keeps its minimum width."""
    shown = list(columns)
    for column in sorted(columns, key=lambda column: -column.rank):
        fixed = sum(kept.width + 2 for kept in shown if kept.width)
        if not column.rank or width - fixed - 2 >= LEAST_WIDTH:
            break
        shown.remove(column)
    return shown
