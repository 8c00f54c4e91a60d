"""A question that one line of text answers."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings, key_for
from promptrec_tui.tui.widgets.word_input import WordInput


class LineScreen(ModalScreen[str | None]):
    """Returns the line, or None if the person left it. The last of its words is completed from `words`."""

    PLACE = "line"
    BINDINGS = bindings("line")
    AUTO_FOCUS = "#line"

    def __init__(self, title: str, about: str, value: str = "", words: Sequence[str] = ()) -> None:
        super().__init__()
        self._title, self._about, self._value, self._words = title, about, clean(value), words

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(clean(self._title)).stylize("bold"))
            field = WordInput(self._begun, self._value, id="line")
            field.select_on_focus = False  # or the first key would replace the text that is to be changed
            field.cursor_position = len(self._value)
            yield field
            yield Static(Content(clean(self._about)).stylize("dim"))
            yield Static(
                Content.from_markup(
                    "[b $accent]enter[/] save  [b $accent]$key[/] leave it", key=key_for("line.leave")
                )
            )

    def _begun(self, text: str) -> list[str]:
        start = text[text.rfind(" ") + 1 :].lstrip("+-").casefold()
        return [word for word in self._words if start and word.casefold().startswith(start)]

    @on(Input.Submitted)
    def _done(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_leave_line(self) -> None:
        self.dismiss(None)
