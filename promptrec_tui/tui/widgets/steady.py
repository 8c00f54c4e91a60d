"""A text that is renewed each second, over a line that may be slow."""

from rich.text import Text
from textual.content import Content
from textual.widgets import Static


class Steady(Static):
    """A new layout paints the whole screen: there is one only where the text takes more or fewer lines."""

    _text: Text | Content | str | None = None

    def renew(self, text: Text | Content | str) -> None:
        """Show a text, if it is another one."""
        if text == self._text:
            return
        before, self._text = self._lines(), text
        self.update(text, layout=False)
        self.clear_cached_dimensions()
        # A hidden one is laid out when it is shown.
        if self.display and self._lines() != before:
            self.refresh(layout=True)

    def _lines(self) -> int:
        return self.visual.get_height({}, max(self.content_size.width, 1))
