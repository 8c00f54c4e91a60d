"""A question before something that cannot be undone."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings, key_for


class ConfirmScreen(ModalScreen[bool]):
    """Returns True only if the person chose `verb`; the focus is on Cancel."""

    PLACE = "confirm"
    BINDINGS = bindings("confirm")
    AUTO_FOCUS = "#cancel"

    def __init__(self, question: str, cost: str, verb: str) -> None:
        super().__init__()
        self._question, self._cost, self._verb = question, cost, verb

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(clean(self._question)).stylize("bold"))
            yield Static(Content(clean(self._cost)))
            with Horizontal():
                yield Button(f"Cancel  {key_for('confirm.no')}", id="cancel")
                yield Button(f"{self._verb}  {key_for('confirm.yes')}", id="go", variant="error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "go")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
