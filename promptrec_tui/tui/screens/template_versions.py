"""The versions of one template, and what changed from one to another."""

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.tui.widgets.template_text import diff_text
from promptrec_tui.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from promptrec_tui.workspace.versions import Version

COLUMNS = (("v", 3), ("saved", 16), ("runs", 4))


class TemplateVersionsScreen(BaseScreen[None]):
    """The newest version first; each is compared with the one before it, or with the one that is marked."""

    PLACE = "template_versions"
    MODE = "templates"
    BINDINGS = bindings("template_versions")

    def __init__(self, template: str) -> None:
        super().__init__()
        self._template = template
        self._versions: tuple[Version, ...] = ()
        self._marked: str | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="panes"):
            yield Table(COLUMNS, id="versions")
            with Vertical(id="inside"):
                yield Static(id="facts", markup=False)
                with TextPane():
                    yield Static(id="diff")

    async def load(self) -> None:
        await super().load()
        versions = tuple(await self.ask(workspace.versions.template_versions, self._template))[::-1]
        if versions != self._versions:
            self._versions = versions
            self._show()

    def _show(self) -> None:
        rows = {version.row.id: self._cells(version) for version in self._versions}
        self.query_one("#versions", Table).show(rows)
        self._compare()

    def _cells(self, version: "Version") -> tuple[Text, ...]:
        marked = version.row.id == self._marked
        texts = (str(version.row.version), version.row.created[:16].replace("T", " "), str(len(version.runs)))
        style = "bold" if marked else ""
        return tuple(fit(text, width, style) for text, (_, width) in zip(texts, COLUMNS, strict=True))

    @on(Table.Chosen, "#versions")
    @work(exclusive=True, group="compare", exit_on_error=False)
    async def _compare(self) -> None:
        key = self.query_one("#versions", Table).chosen
        ids = [version.row.id for version in self._versions]
        if key not in ids:
            return
        number = ids.index(key)
        version = self._versions[number]
        before = self._marked or next(iter(ids[number + 1 :]), None)
        runs = f"runs: {', '.join(map(clean, version.runs))}" if version.runs else "no run began with it"
        name = f"{clean(version.row.name)} version {version.row.version}"
        self.query_one("#facts", Static).update(f"{name}, {runs}")
        if before is None or before == key:
            said = "The first version." if before is None else "Marked: choose another one to compare with."
            self.query_one("#diff", Static).update(said)
            return
        rows = {version.row.id: version.row for version in self._versions}
        lines = await self.ask(lambda _: workspace.versions.version_diff(rows[before], rows[key]))
        self.query_one("#diff", Static).update(diff_text(lines))

    def action_mark(self) -> None:
        key = self.query_one("#versions", Table).chosen
        self._marked = None if key == self._marked else key
        self._show()
