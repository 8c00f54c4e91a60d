"""What happened while the app was closed: below the first line, until a key is pressed."""

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widgets import Static

from promptrec_tui.text import clean

if TYPE_CHECKING:
    from promptrec_tui.tui.app import PromptrecApp


class NewsLine(Static):
    """Takes no room while there are no news."""

    def on_mount(self) -> None:
        self.watch(self.app, "news", self._show)

    def _show(self) -> None:
        news = cast("PromptrecApp", self.app).news
        self.display = bool(news)
        self.update(Content(clean(news)))
