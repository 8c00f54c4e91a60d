"""The text of an empty pane: why it is empty, and the keys that fill it."""

from textual.content import Content
from textual.widgets import Static

from promptrec_tui.tui.actions import key_for


class Empty(Static):
    """`why` in words, then each key and what it does. Until the screen has read anything, it says so."""

    def __init__(self, why: str, *actions: str, id: str | None = None) -> None:
        """`actions`: the id of an action, what it does, the next id, and so on."""
        super().__init__(Content.styled("Reading the home.", "dim"), id=id)
        lines = [
            Content.from_markup("[b $accent]$key[/] $does", key=key_for(action), does=does)
            for action, does in zip(actions[::2], actions[1::2], strict=True)
        ]
        self._text = Content("\n").join([Content(why), Content(""), *lines])

    def loaded(self) -> None:
        """The screen has read its data: this is empty indeed."""
        self.update(self._text)
