"""Mode 3: the prompt templates."""

from textual.app import ComposeResult

from promptrec_tui.tui import verbs
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.table import Table


class TemplatesScreen(BaseScreen[None]):
    """The templates, the built-in ones first."""

    PLACE = "templates"
    MODE = "templates"
    BINDINGS = bindings("templates")

    def body(self) -> ComposeResult:
        yield Table([("name", 30), ("task", 12), ("language", 9), ("version", 8)], id="templates")

    async def load(self) -> None:
        await super().load()
        rows = await self.ask(verbs.templates)
        self.query_one("#templates", Table).show(
            {
                row.id: (fit(row.name, 30), fit(row.task, 12), fit(row.language, 9), fit(str(row.version), 8))
                for row in rows
            }
        )
