"""Mode 2: the datasets, their users and histories, or all their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from promptrec_tui.text import cases_text
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.screens.clean_dataset import CleanScreen
from promptrec_tui.tui.screens.confirm import ConfirmScreen
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.inspect_dataset import Answers, InspectScreen
from promptrec_tui.tui.screens.items import ItemsScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.data_text import (
    HISTORY_COLUMNS,
    ROW_COLUMNS,
    TEXT_COLUMNS,
    USER_COLUMNS,
    dataset_facts,
    example_row,
    history_row,
    interaction_row,
    profile_text,
    user_row,
)
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.paged_table import PagedRow, PagedTable
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.tui.widgets.text_pane import TextPane
from promptrec_tui.workspace.exports import DATASET_COLUMNS, listing

if TYPE_CHECKING:
    from promptrec_tui.tui.exporting import Offer
    from promptrec_tui.workspace.datasets import DatasetRow

COLUMNS = (("name", 22), ("users", 8), ("items", 8), ("interactions", 12), ("examples", 9))
NUMBERS = ("users", "items", "interactions", "examples")
MOST_FOUND = 500
MOST_EXPORTED = 100_000
"""Rows of a table that are exported; the command `dataset rows` has no limit."""

OF_A_DATASET = frozenset(
    {"open_part", "toggle_rows", "filter", "delete_dataset", "inspect", "clean_dataset", "find_items"}
)
"""Actions that need a dataset under the cursor."""


class DataScreen(BaseScreen[None]):
    """The datasets and the contents of the chosen one; a narrow screen shows either, enter and esc switch."""

    # Datasets, users and a history side by side need more width than the app's usual breakpoint.
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (140, "-wide")]  # noqa: RUF012 (Textual reads it so)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-short"), (40, "-tall")]  # noqa: RUF012

    PLACE = "data"
    MODE = "data"
    BINDINGS = bindings("data")

    _datasets: "tuple[DatasetRow, ...]" = ()
    _wanted: str | None = None
    """The dataset to put the cursor on as soon as it is listed."""
    _shown: "DatasetRow | None" = None

    def __init__(self) -> None:
        super().__init__()
        self._answers: Answers = {}

    def body(self) -> ComposeResult:
        more = self.promptrec.glyphs.more
        yield Empty("No datasets yet.", "data.import", "import one", id="empty")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Table(COLUMNS, right=NUMBERS, id="datasets")
                with TextPane(id="notes"):
                    yield Static(id="facts")
            with Vertical(id="inside"):
                yield Static(id="title", markup=False)
                with Horizontal(id="people"):
                    with Vertical(id="who"):
                        yield Input(placeholder="users whose key has…", id="filter", compact=True)
                        yield PagedTable(USER_COLUMNS, more, "No such user.\nesc shows all.", id="users")
                    with Vertical():
                        yield Static(id="profile")
                        yield PagedTable(HISTORY_COLUMNS, more, id="history")
                yield PagedTable(ROW_COLUMNS, more, id="rows")
                yield PagedTable(TEXT_COLUMNS, more, id="texts")

    @property
    def present_dataset(self) -> "DatasetRow | None":
        """The dataset under the cursor."""
        key = self.query_one("#datasets", Table).chosen if self.is_mounted else None
        return next((row for row in self._datasets if row.id == key), None)

    def go_to(self, kind: str, key: str) -> None:
        self._wanted = key
        if self.is_mounted and key in (table := self.query_one("#datasets", Table)).keys:
            table.choose(key)
            self._wanted = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("toggle_rows", "filter", "find_items") and self.has_class("-texts"):
            return None
        if action in OF_A_DATASET:
            return True if self.present_dataset else None
        return super().check_action(action, parameters)

    def exports(self) -> "list[Offer]":
        from promptrec_tui.tui.exporting import table_offers

        row = self.present_dataset
        if row is None:
            return []
        datasets = listing(map(asdict, self._datasets), DATASET_COLUMNS)
        offers = list(table_offers(cases_text(len(datasets.rows), "dataset"), "datasets", lambda: datasets))
        if isinstance(table := self.focused, PagedTable) and table.row_count:
            count, most = table.row_count, min(table.row_count, MOST_EXPORTED)
            noun = f"{table.id}, first {most:,} of {count:,}" if count > most else f"{count:,} {table.id}"
            offers = [*table_offers(noun, f"{row.name}-{table.id}", lambda: table.listing(most)), *offers]
        return offers

    def copied(self) -> Copied | None:
        row, table = self.present_dataset, self.query_one("#datasets")
        return Copied("dataset name", row.name) if row and table.has_focus else super().copied()

    async def load(self) -> None:
        await super().load()
        rows = tuple(await self.ask(workspace.datasets.list_datasets))
        if rows == self._datasets:
            return
        if not self._datasets:
            self._wanted = self._wanted or self.promptrec.recall("dataset", "")
        self._datasets = rows
        self.set_class(bool(rows), "-filled")
        table = self.query_one("#datasets", Table)
        table.show({row.id: _cells(row, self.promptrec.glyphs.more) for row in rows})
        if self._wanted:
            table.choose(self._wanted)
            self._wanted = None
        self._show_dataset()
        if self.focused is None:
            self.focus_home()

    @on(Table.Chosen, "#datasets")
    def _chosen(self, event: Table.Chosen) -> None:
        if event.key:
            self.promptrec.remember(dataset=event.key)
        self._show_dataset()

    def _show_dataset(self) -> None:
        """Show facts, users and rows of the dataset under the cursor, unless they are shown already."""
        row = self.present_dataset
        if row == self._shown:
            return
        self._shown = row
        self.refresh_bindings()
        self.query_one("#facts", Static).update(dataset_facts(row) if row else "")
        title = fit(row.name, 60, "bold") if row else fit("", 1)
        self.query_one("#title", Static).update(title)
        field = self.query_one("#filter", Input)
        with self.prevent(Input.Changed):
            field.value = ""
        self.remove_class("-filtering")
        # A dataset has either labelled texts or users and rows.
        self.set_class(bool(row and row.examples and not row.interactions), "-texts")
        self._show_users()
        self._show_rows()
        self._show_texts()

    def _show_users(self) -> None:
        row, contains = self._shown, self.query_one("#filter", Input).value.strip()
        table = self.query_one("#users", PagedTable)
        if row is None:
            table.show_all(())
        elif contains:
            self._find_users(row.id, contains)
        else:
            # User ids count from 0 without gaps, so the number of a row is the id of its user.
            async def fetch(start: int, limit: int) -> list[PagedRow]:
                users = await self.ask(workspace.datasets.dataset_users, row.id, start, limit)
                return [user_row(user) for user in users]

            self.workers.cancel_group(self, "find")
            table.show(row.users, fetch)

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _find_users(self, dataset: str, contains: str) -> None:
        users = await self.ask(workspace.datasets.dataset_users, dataset, 0, MOST_FOUND + 1, contains)
        self.query_one("#users", PagedTable).show_all([user_row(user) for user in users[:MOST_FOUND]])
        if len(users) > MOST_FOUND:
            self.notify_text(f"The first {MOST_FOUND} users with {contains!r}: type more to see fewer.")

    def _show_rows(self) -> None:
        row = self._shown
        table = self.query_one("#rows", PagedTable)
        if row is None:
            table.show_all(())
            return

        async def fetch(start: int, limit: int) -> list[PagedRow]:
            interactions = await self.ask(workspace.datasets.dataset_rows, row.id, start, limit)
            return [interaction_row(interaction) for interaction in interactions]

        table.show(row.interactions, fetch)

    def _show_texts(self) -> None:
        row = self._shown
        table = self.query_one("#texts", PagedTable)
        if row is None:
            table.show_all(())
            return

        async def fetch(start: int, limit: int) -> list[PagedRow]:
            examples = await self.ask(workspace.datasets.dataset_examples, row.id, start, limit)
            return [example_row(example) for example in examples]

        table.show(row.examples, fetch)

    @on(PagedTable.Chosen, "#users")
    def _user_chosen(self, event: PagedTable.Chosen) -> None:
        self._show_history(event.key)

    @work(exclusive=True, group="history", exit_on_error=False)
    async def _show_history(self, user: str | None) -> None:
        rows: Sequence[PagedRow] = ()
        attributes: Mapping[str, str] = {}
        if user is not None and self._shown:
            attributes, history = await self.ask(workspace.datasets.user_profile, self._shown.id, user)
            rows = [history_row(row) for row in history]
        self.query_one("#profile", Static).update(profile_text(attributes))
        self.query_one("#history", PagedTable).show_all(rows)

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._show_users()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one("#users").focus()

    def action_open_part(self) -> None:
        """From the datasets to the users, from the users to the history."""
        self.add_class("-inside")
        if self.has_class("-texts"):
            self.query_one("#texts").focus()
        elif self.has_class("-rows"):
            self.query_one("#rows").focus()
        elif self.focused is self.query_one("#users"):
            self.query_one("#history").focus()
        else:
            self.query_one("#users").focus()

    def on_data_table_row_selected(self) -> None:
        self.action_open_part()

    @on(PagedTable.Opened, "#users")
    def _user_opened(self) -> None:
        self.query_one("#users").focus()

    def action_toggle_rows(self) -> None:
        self.toggle_class("-rows")
        self.add_class("-inside")
        self.query_one("#rows" if self.has_class("-rows") else "#users").focus()

    def action_filter(self) -> None:
        self.remove_class("-rows")
        self.add_class("-inside", "-filtering")
        self.query_one("#filter").focus()

    def action_back(self) -> None:
        """From the filter and the history to the users, from there to the datasets."""
        field, users = self.query_one("#filter", Input), self.query_one("#users")
        if (self.focused is field and field.value) or self.focused is self.query_one("#history"):
            users.focus()
        elif self.focused in (field, users) and self.has_class("-filtering"):
            field.value = ""
            self.remove_class("-filtering")
            users.focus()
        else:
            self.remove_class("-inside")
            self.focus_home()

    def action_import_dataset(self) -> None:
        self.app.push_screen(ImportScreen(), self._imported)

    def _imported(self, document: dict[str, Any] | None) -> None:
        if document is None:
            return
        self._wanted = document["id"]
        self.promptrec.remember(dataset=document["id"])
        self.renew()

    def action_inspect(self, tab: str) -> None:
        if row := self.present_dataset:
            self.app.push_screen(InspectScreen(row, tab, self._answers))

    def action_find_items(self) -> None:
        if row := self.present_dataset:
            self.app.push_screen(ItemsScreen(row))

    def action_clean_dataset(self) -> None:
        if row := self.present_dataset:
            self.app.push_screen(CleanScreen(row), self._imported)

    @work(group="act", exit_on_error=False)
    async def action_delete_dataset(self) -> None:
        if (row := self.present_dataset) is None:
            return
        cost = f"{row.interactions + row.examples:,} rows go; the source file stays where it is."
        if await self.app.push_screen_wait(ConfirmScreen(f"Delete dataset {row.name}?", cost, "Delete")):
            await self.ask(workspace.datasets.delete_dataset, row.id)
            self.renew()


def _cells(row: "DatasetRow", more: str) -> tuple[Text, ...]:
    counts = (row.users, row.items, row.interactions, row.examples)
    return (
        fit(row.name, COLUMNS[0][1], more=more),
        *(
            fit(f"{count:,}".rjust(width), width)
            for count, (_, width) in zip(counts, COLUMNS[1:], strict=True)
        ),
    )
