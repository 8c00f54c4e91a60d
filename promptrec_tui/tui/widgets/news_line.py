"""What happened while the app was closed: below the first line, until a key is pressed."""

from textual.content import Content
from textual.widgets import Static

from promptrec_tui.text import clean
from promptrec_tui.tui.app_interface import app_of


class NewsLine(Static):
    """Hidden while there is no news."""

    def on_mount(self) -> None:
        self.watch(self.app, "news", self._show)

    def _show(self) -> None:
        news = app_of(self).news
        self.display = bool(news)
        self.update(Content(clean(news)))
