"""Mode 4: the base models, and whether each can be used."""

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied
from promptrec_tui.tui.screens.add_model import AddModelScreen
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.model_text import check_text, parameters_text
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.models import ModelCheck, ModelRow

COLUMNS = (("name", 18), ("type", 8), ("size", 7))


class ModelsScreen(BaseScreen[None]):
    """The list, the embedded model first, and the check of the one under the cursor."""

    PLACE = "models"
    MODE = "models"
    BINDINGS = bindings("models")

    _models: "tuple[ModelRow, ...]" = ()
    _wanted: str | None = None
    """The model to put the cursor on as soon as it is listed."""

    def __init__(self) -> None:
        super().__init__()
        self._checks: dict[str, ModelCheck] = {}

    def body(self) -> ComposeResult:
        yield Empty("No base models yet.", "models.add", "add a folder or a hub id")
        with Horizontal(id="panes"):
            yield Table(COLUMNS, right=("size",), id="models")
            with TextPane(id="look"):
                yield Static(id="check")

    @property
    def present_model(self) -> "ModelRow | None":
        """The model under the cursor."""
        key = self.query_one("#models", Table).chosen if self.is_mounted else None
        return next((row for row in self._models if row.id == key), None)

    def go_to(self, kind: str, key: str) -> None:
        self._wanted = key
        if self.is_mounted and key in (table := self.query_one("#models", Table)).keys:
            table.choose(key)
            self._wanted = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "check_again":
            return True if self.present_model else None
        return super().check_action(action, parameters)

    def copied(self) -> Copied | None:
        row, table = self.present_model, self.query_one("#models")
        return Copied("model name", row.name) if row and table.has_focus else super().copied()

    async def load(self) -> None:
        await super().load()
        rows = tuple(await self.ask(workspace.models.list_models))
        if rows == self._models:
            return
        if not self._models:
            self._wanted = self._wanted or self.promptrec.recall("model", "")
        self._models = rows
        self.set_class(bool(rows), "-filled")
        table = self.query_one("#models", Table)
        table.show({row.id: _cells(row, self.promptrec.glyphs.more) for row in rows})
        if self._wanted:
            table.choose(self._wanted)
            self._wanted = None
        self._show()

    @on(Table.Chosen, "#models")
    def _chosen(self, event: Table.Chosen) -> None:
        if event.key:
            self.promptrec.remember(model=event.key)
        self._show()

    @work(exclusive=True, group="check", exit_on_error=False)
    async def _show(self) -> None:
        self.refresh_bindings()
        if (row := self.present_model) is None:
            return
        text = self.query_one("#check", Static)
        text.update(check_text(row, self._checks.get(row.id)))
        if row.id not in self._checks:
            self._checks[row.id] = await self.ask_aside(workspace.models.check_listed, row.id)
            text.update(check_text(row, self._checks[row.id]))

    def action_check_again(self) -> None:
        if row := self.present_model:
            self._checks.pop(row.id, None)
            self._show()

    def action_add_model(self) -> None:
        self.app.push_screen(AddModelScreen(), self._added)

    def _added(self, document: dict[str, Any] | None) -> None:
        if document is None:
            return
        self._wanted = document["id"]
        self.renew()


def _cells(row: "ModelRow", more: str) -> tuple[Text, ...]:
    texts = (row.name, row.model_type, parameters_text(row.parameters).rjust(COLUMNS[2][1]))
    return tuple(fit(text, width, more=more) for text, (_, width) in zip(texts, COLUMNS, strict=True))
