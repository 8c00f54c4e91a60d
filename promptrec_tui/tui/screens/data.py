"""Mode 2: the datasets."""

from textual.app import ComposeResult

from promptrec_tui.tui import verbs
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.table import Table


class DataScreen(BaseScreen[None]):
    """The datasets with their counts."""

    PLACE = "data"
    MODE = "data"
    BINDINGS = bindings("data")

    def body(self) -> ComposeResult:
        yield Empty("No datasets yet.", "i", "import one", id="empty")
        yield Table([("name", 30), ("users", 10), ("items", 10), ("interactions", 13)], id="datasets")

    async def load(self) -> None:
        await super().load()
        rows = await self.ask(verbs.datasets)
        self.set_class(bool(rows), "-filled")
        self.query_one("#datasets", Table).show(
            {
                row.id: (
                    fit(row.name, 30),
                    *(fit(f"{count:,}", 12) for count in (row.users, row.items, row.interactions)),
                )
                for row in rows
            }
        )
