"""What all screens share: top bar, hint line, keys from the action table, fresh data each second."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import GROUPS
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.copying import Copied, copied_from
from promptrec_tui.tui.keymap import takes_text
from promptrec_tui.tui.waits import refreshing
from promptrec_tui.tui.widgets.empty import Empty
from promptrec_tui.tui.widgets.hints import Hints
from promptrec_tui.tui.widgets.news_line import NewsLine
from promptrec_tui.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from promptrec_tui.tui.exporting import Offer

Result = TypeVar("Result")

RENEW_SECONDS = 1.0


class BaseScreen(Asking, Screen[Result]):
    """Subclasses set `PLACE`, `MODE` and `BINDINGS = bindings(PLACE)`, and define `body()` and `load()`.

    Textual calls the `on_…` methods of a class and of its bases: they must not call that of `super()`.
    """

    PLACE: ClassVar[str] = ""
    """Its name in the action table."""

    MODE: ClassVar[str] = ""
    """The mode in the top bar that it belongs to."""

    HOME: ClassVar[str] = "Table"
    """The selector of the widget that gets the focus at first and when a field is left."""

    AUTO_FOCUS: ClassVar[str | None] = ""

    crumbs: reactive[tuple[str, ...]] = reactive((), init=False)
    """Where in its mode it is, for the top bar: the name of what it shows, and the tab."""

    _timer: Timer | None = None
    _loading = False
    _failure = ("", "")
    """The last error of `load`, and the sentence that was shown for it; empty after a success."""

    def compose(self) -> ComposeResult:
        yield TopBar(self.MODE)
        yield NewsLine()
        yield from self.body()
        yield Hints(self.PLACE)

    def body(self) -> ComposeResult:
        """The widgets between the bar and the hints."""
        yield from ()

    async def load(self) -> None:
        """Read fresh data and show them; called at once, then each second while the screen is on top."""
        self.promptrec.runs = tuple(await self.ask(workspace.run_views.refreshed_runs))

    def renew(self) -> None:
        """Load now, unless a load is under way."""
        if not self._loading:
            self._load()

    @work(group="load", exit_on_error=False)
    async def _load(self) -> None:
        self._loading = True
        refreshing.set(asyncio.current_task() if self.has_class("-loaded") else None)
        try:
            await self.load()
            # Until now an empty pane does not say that there is nothing.
            if not self.has_class("-loaded"):
                self.add_class("-loaded")
                for empty in self.query(Empty):
                    empty.loaded()
            self._failure = ("", "")
        except Exception as error:
            # The same error comes again each second: it is shown once. A removed screen lacks its widgets.
            if repr(error) != self._failure[0] and self.display:
                self._failure = (repr(error), self.report(error))
        finally:
            self._loading = False
            self.promptrec.trouble = self._failure[1]

    @property
    def busy(self) -> bool:
        """Whether it does work that would be cancelled if the screen were removed."""
        return False

    def go_to(self, kind: str, key: str) -> None:
        """Show a thing of its mode: put the cursor of the list on it as soon as it is there."""

    def keep(self) -> None:
        """Remember what was typed so far."""

    def copied(self) -> Copied | None:
        """What the copy key takes: the thing under the cursor."""
        return copied_from(self.focused)

    def exports(self) -> "list[Offer]":
        """What can be exported, that of the focused pane first."""
        return []

    def action_export(self) -> None:
        """Show what can be exported."""
        from promptrec_tui.tui.screens.export import ExportScreen

        if offers := self.exports():
            self.app.push_screen(ExportScreen(offers))
        else:
            self.notify_text("There is nothing to export here yet.")

    def focus_home(self) -> None:
        """Put the focus on the widget of `HOME`."""
        try:
            self.query(self.HOME).first().focus()
        except NoMatches:
            self.set_focus(None)

    def on_mount(self) -> None:
        if not self.crumbs and self.PLACE != self.MODE and self.PLACE in GROUPS:
            self.crumbs = (GROUPS[self.PLACE],)
        self.focus_home()

    def on_screen_resume(self) -> None:
        if self._timer:
            self._timer.resume()
        else:
            self._timer = self.set_interval(RENEW_SECONDS, self.renew)
        self.query(TopBar).refresh()
        # After its first frame, which a load in another thread would hold up.
        self.call_after_refresh(self.renew)

    def on_screen_suspend(self) -> None:
        # The timer of a covered screen would go on.
        if self._timer:
            self._timer.pause()

    def keep_scroll(self, widget: Widget, name: str) -> None:
        """Scroll a filled widget to its position of the last time, and remember its position from now on."""
        kept = self.promptrec.recall("scroll", dict[str, object]()).get(name)
        if isinstance(kept, int | float) and kept:
            self.call_after_refresh(widget.scroll_to, y=kept, animate=False, force=True)
        self.watch(widget, "scroll_y", lambda y: self.promptrec.remember_scroll(name, round(y)), init=False)

    def action_back(self) -> None:
        """Leave the field that has the focus, else the screen."""
        if takes_text(self.focused):
            self.focus_home()
        elif len(self.app.screen_stack) > 1:
            self.dismiss()
