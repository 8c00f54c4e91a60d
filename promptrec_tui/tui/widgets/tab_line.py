"""The tabs of a screen in one line."""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Offset
from textual.reactive import reactive
from textual.widget import Widget

from promptrec_tui.tui.jumping import Place


class TabLine(Widget):
    """Names in a row, the current one marked; a click runs the screen's `show_tab`."""

    auto_links = False

    current: reactive[str] = reactive("")

    def __init__(self, tabs: Sequence[str], current: str) -> None:
        super().__init__()
        self._tabs = tabs
        self.set_reactive(TabLine.current, current)

    def jump_places(self) -> Iterator[Place]:
        """The tabs, for jump labels."""
        offset = self.content_region.offset
        for tab in self._tabs:
            yield Place(offset, partial(self.screen.run_action, f"show_tab('{tab}')"))
            offset += Offset(cell_len(tab.title()) + 2, 0)

    def render(self) -> Content:
        return Content("  ").join(
            Content.from_markup(f"[@click=screen.show_tab('{tab}')][{style}]{tab.title()}[/][/]")
            for tab in self._tabs
            for style in ("b u $accent" if tab == self.current else "dim",)
        )
