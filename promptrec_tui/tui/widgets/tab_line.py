"""The tabs of a screen in one line."""

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget


class TabLine(Widget):
    """Names in a row, the current one marked; a click runs the screen's `show_tab`."""

    auto_links = False

    current: reactive[str] = reactive("")

    def __init__(self, tabs: Sequence[str], current: str) -> None:
        super().__init__()
        self._tabs = tabs
        self.set_reactive(TabLine.current, current)

    def render(self) -> Content:
        return Content("  ").join(
            Content.from_markup(f"[@click=screen.show_tab('{tab}')][{style}]{tab.title()}[/][/]")
            for tab in self._tabs
            for style in ("b u $accent" if tab == self.current else "dim",)
        )
