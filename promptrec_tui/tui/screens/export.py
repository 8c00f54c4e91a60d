"""What the screen below can export: each line is a file to write, or a text to copy."""

from collections.abc import Sequence

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean
from promptrec_tui.tui.actions import actions_of, bindings
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.copying import Copied, copy
from promptrec_tui.tui.exporting import Offer
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.hints import keys_text
from promptrec_tui.tui.widgets.table import Table
from promptrec_tui.workspace.exports import write_export

COLUMNS = (("what", 36), ("as", 8))
PICTURES = ("png",)
"""Suffixes of what is made of bytes."""


class ExportScreen(Asking, ModalScreen[None]):
    """Enter writes a file and stays, so that several can be written; esc leaves, and ends what goes on."""

    PLACE = "export"
    BINDINGS = bindings("export")
    AUTO_FOCUS = "Table"

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "export"
            yield Table(COLUMNS)
            yield Static(id="folder", markup=False)
            yield Static(keys_text(actions_of("export")))

    def on_mount(self) -> None:
        more = self.promptrec.glyphs.more
        rows: dict[str, Sequence[Text]] = {
            str(number): (fit(offer.noun, COLUMNS[0][1], more=more), fit(offer.form, COLUMNS[1][1]))
            for number, offer in enumerate(self._offers)
        }
        self.query_one(Table).show(rows)
        self._say(f"into {self.promptrec.home.exports}")

    @property
    def _chosen(self) -> Offer:
        return self._offers[int(self.query_one(Table).chosen or 0)]

    def on_data_table_row_selected(self) -> None:
        self.action_write()

    @work(exclusive=True, group="export", exit_on_error=False)
    async def action_write(self) -> None:
        offer, home = self._chosen, self.promptrec.home
        self._say(f"making {offer.noun}, {offer.form}{self.promptrec.glyphs.more}")
        try:
            made = await offer.made()
            path = await self.ask(lambda _: write_export(home, offer.stem, offer.suffix, made))
        finally:
            self._say(f"into {home.exports}")
        self.notify_text(f"Wrote {path}")

    @work(exclusive=True, group="export", exit_on_error=False)
    async def action_copy(self) -> None:
        offer = self._chosen
        if offer.suffix in PICTURES:
            raise UserError(f"A {offer.form} is no text that could be copied: enter writes the file.")
        made = await offer.made()
        assert isinstance(made, str)
        await copy(self.app, self.promptrec.home, Copied(f"{offer.noun}, {offer.form}", made))

    def action_close(self) -> None:
        self.dismiss()

    def _say(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#folder", Static).update(Content(clean(text)).stylize("dim"))
