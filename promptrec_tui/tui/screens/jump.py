"""Jump labels: a letter over every place of the screen below; its key goes there."""

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from promptrec_tui.tui.jumping import Place


class JumpScreen(ModalScreen[Place]):
    """Returns the place whose letter is pressed; any other key leaves all as it is."""

    AUTO_FOCUS = None

    def __init__(self, places: dict[str, Place]) -> None:
        super().__init__()
        self._places = places

    def compose(self) -> ComposeResult:
        for letter, place in self._places.items():
            label = Static(letter)
            label.styles.offset = place.offset.x, place.offset.y
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(self._places.get(event.key))

    def on_click(self) -> None:
        self.dismiss(None)
