"""The text of an empty pane: why it is empty, and the key that fills it."""

from textual.content import Content
from textual.widgets import Static


class Empty(Static):
    """`why` in words, then the key and what it does."""

    def __init__(self, why: str, key: str, does: str, id: str | None = None) -> None:
        super().__init__(
            Content.from_markup("$why\n\n[b $accent]$key[/] $does", why=why, key=key, does=does), id=id
        )
