"""The items of a dataset by title, and the users of one item, from the command `dataset who`."""

from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Input, Static

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings, key_for
from promptrec_tui.tui.child import run_child
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.data_text import HOLDER_COLUMNS, ITEM_COLUMNS, holder_row, item_row
from promptrec_tui.tui.widgets.paged_table import PagedTable
from promptrec_tui.tui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow

MOST_FOUND = 500
MOST_SHOWN = 10_000


class ItemsScreen(BaseScreen[None]):
    """Popular items come first. Leaving the screen, or choosing another item, cancels a search for users."""

    PLACE = "items"
    MODE = "data"
    BINDINGS = bindings("items")
    HOME = "#found"

    def __init__(self, row: "DatasetRow") -> None:
        super().__init__()
        self._row = row
        self.set_reactive(BaseScreen.crumbs, (row.name, "Items"))

    def body(self) -> ComposeResult:
        more = self.promptrec.glyphs.more
        yield Static(fit(self._row.name, 60, "bold"), id="name")
        yield Input(placeholder="titles that contain…", id="filter", compact=True)
        yield PagedTable(ITEM_COLUMNS, more, "No title contains that.", id="found")
        yield Static(
            f"{key_for('items.who')} shows who had the item under the cursor", id="had", markup=False
        )
        yield PagedTable(HOLDER_COLUMNS, more, id="holders")
        yield ProgressLine(self.promptrec.ascii_only, id="progress")

    def on_mount(self) -> None:
        self._find("")

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._find(event.value.strip())

    @on(Input.Submitted, "#filter")
    def _chosen(self) -> None:
        self.focus_home()

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find(self, text: str) -> None:
        items = await self.ask(workspace.datasets.find_titles, self._row.id, text, MOST_FOUND)
        self.query_one("#found", PagedTable).show_all([item_row(item) for item in items])

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one("#filter").focus()

    @on(PagedTable.Opened, "#found")
    def action_show_holders(self) -> None:
        items = self.query_one("#found", PagedTable)
        if self.focused is items and items.chosen:
            self._search(items.chosen)

    @work(exclusive=True, group="who", exit_on_error=False)
    async def _search(self, key: str) -> None:
        progress, holders = self.query_one(ProgressLine), self.query_one("#holders", PagedTable)
        holders.show_all(())
        progress.at = ("opening the dataset…", 0, 0)

        def show(phase: str, done: int, total: int) -> None:
            progress.at = (phase, done, total)

        options = ("--key", f"--limit={MOST_SHOWN}", "--progress=json", "--json")
        arguments = ("dataset", "who", *options, "--", self._row.id, key)
        try:
            document = await run_child(self.promptrec.home, arguments, show)
        finally:
            progress.at = None
        rows, item = document["rows"], document["item"]
        shown = f"the first {len(rows):,} of " if len(rows) < item["events"] else ""
        self.query_one("#had", Static).update(f"{clean(item['title'])}: {shown}{item['events']:,} events")
        holders.show_all([holder_row(row) for row in rows])
        holders.focus()

    def action_back(self) -> None:
        """From the field and the users to the items, from there to all items, then to the dataset."""
        field = self.query_one("#filter", Input)
        if self.focused in (field, self.query_one("#holders")):
            self.focus_home()
        elif self.has_class("-filtering"):
            self.remove_class("-filtering")
            field.value = ""
        else:
            self.dismiss(None)
