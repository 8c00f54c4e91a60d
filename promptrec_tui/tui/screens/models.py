"""Mode 4: the base models."""

from textual.app import ComposeResult

from promptrec_tui.tui import verbs
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.table import Table


class ModelsScreen(BaseScreen[None]):
    """The base models, the embedded one first."""

    PLACE = "models"
    MODE = "models"
    BINDINGS = bindings("models")

    def body(self) -> ComposeResult:
        yield Table([("name", 30), ("type", 12), ("parameters", 14)], id="models")

    async def load(self) -> None:
        await super().load()
        rows = await self.ask(verbs.models)
        self.query_one("#models", Table).show(
            {
                row.id: (fit(row.name, 30), fit(row.model_type, 12), fit(f"{row.parameters:,}", 14))
                for row in rows
            }
        )
