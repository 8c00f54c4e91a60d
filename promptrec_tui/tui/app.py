"""The app: its modes, its session, and the function that starts it."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual import events, work
from textual._context import active_message_pump
from textual.binding import BindingType
from textual.command import Provider
from textual.css.query import NoMatches
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.widget import Widget

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.text import clean
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.actions import KEYMAP, bindings, key_for
from promptrec_tui.tui.app_interface import AppInterface
from promptrec_tui.tui.asking import Asking
from promptrec_tui.tui.backend import Backend
from promptrec_tui.tui.copying import copied_from, copy
from promptrec_tui.tui.gc_tuning import shorten_pauses
from promptrec_tui.tui.glyphs import ASCII, UNICODE, needs_ascii
from promptrec_tui.tui.hangup import leave_on_signals, restore_terminal
from promptrec_tui.tui.keymap import usable
from promptrec_tui.tui.modes import MODES
from promptrec_tui.tui.native_output import native_output_to
from promptrec_tui.tui.ordered_keys import OrderedKeys
from promptrec_tui.tui.output_filter import OutputFilter
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.waits import Wait, Waits, wait_text
from promptrec_tui.tui.widgets.run_text import GOING
from promptrec_tui.workspace.preferences import Preferences, load_preferences
from promptrec_tui.workspace.session import load_session

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow
T = TypeVar("T")

NOTHING: dict[str, Any] = {}
NEWS_SECONDS = 120.0
LOADED_SECONDS = 3.0
"""Seconds after which the first screen is shown and the catalogue is open."""

STAMP_SECONDS = 60.0


def _styles(*names: str) -> list[str | PurePath]:
    return [Path(__file__).parent / "styles" / f"{name}.tcss" for name in names]


FIRST_STYLES = _styles("base", "runs")
LATER_STYLES = _styles("views", "dialogs", "run", "compare", "data", "templates", "models", "forms")
"""Textual reads its styles three times until the first frame, so the list of runs begins with its own."""

MODE_OF = {"dataset": "data", "template": "templates", "model": "models", "setting": "runs"}
"""Where each kind of thing is found."""

QUEUE_SECONDS = 30
"""How often a dispatcher is started while runs wait: other programs may have freed a GPU."""


def _provider(name: str) -> type[Provider]:
    from promptrec_tui.tui import palette

    provider: type[Provider] = getattr(palette, name)
    return provider


class PromptrecApp(Asking, OrderedKeys[int]):
    """Works on one home. `demo` starts the sample run after the first frame."""

    TITLE = "promptrec"
    DEFAULT_MODE = "runs"
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    COMMANDS = {  # noqa: RUF012 (Textual reads it so)
        partial(_provider, name) for name in ("ActionProvider", "RunProvider", "NameProvider")
    }
    MODES = MODES
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (40, "-tall")]  # noqa: RUF012

    # A reactive of the app would paint the whole screen anew: widgets watch these and paint themselves.
    runs: "reactive[tuple[RunRow, ...]]" = reactive((), init=False, repaint=False)
    """All runs as last read, newest first."""

    wait: reactive[str] = reactive("", init=False, repaint=False)
    """The wait that is told in the top bar."""

    news: reactive[str] = reactive("", init=False, repaint=False)
    """What happened while the app was closed, until a key is pressed."""

    trouble: reactive[str] = reactive("", init=False, repaint=False)
    """Why the present screen has no fresh data, for the top bar."""

    def __init__(self, home: Home, demo: bool = False, ascii_only: bool = False) -> None:
        self.session: dict[str, Any] = load_session(home)
        if (mode := self.recall("mode", "")) in self.MODES:
            self.DEFAULT_MODE = mode  # type: ignore[misc]
        # Under NO_COLOR Textual would turn the theme into shades of grey; bold and reverse must stay.
        super().__init__(
            css_path=FIRST_STYLES if self.DEFAULT_MODE == "runs" else [*FIRST_STYLES, *LATER_STYLES],
            ansi_color=True if "NO_COLOR" in os.environ else None,
        )
        self.home = home
        self.demo = demo
        self.preferences, self._trouble = self._read_preferences()
        self.ascii_only = ascii_only or self.preferences.ascii
        self.glyphs = ASCII if self.ascii_only else UNICODE
        self.backend = Backend(home)
        self.waits = Waits(self._show_wait)
        self.animation_level = "none"
        self._output_filter = OutputFilter()
        self._touched = False

    def _read_preferences(self) -> tuple[Preferences, list[str]]:
        """The preferences of the home, and what is wrong with them."""
        problems: list[str] = []
        try:
            read = load_preferences(self.home)
        except UserError as error:
            read, problems = Preferences(), [str(error)]
        keys, refused = usable(read.keys) if read.keys else ({}, [])
        self.use_keys(keys)
        return replace(read, keys=keys), [*problems, *refused]

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Give actions these keys from now on, in the place of those of the table."""
        KEYMAP.clear()
        KEYMAP.update(keys)
        self.set_keymap(KEYMAP)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._output_filter]

    def on_mount(self) -> None:
        self.set_class(self.ascii_only, "-ascii")
        self.set_class(self.few_colours, "-few-colours")
        if self.few_colours:
            self.theme = "ansi-dark"
        elif (theme := self.recall("theme", self.theme)) in self.available_themes:
            self.theme = theme
        if not self.few_colours:
            self.theme_changed_signal.subscribe(self, lambda theme: self.remember(theme=theme.name))
        if not self.is_headless:
            leave_on_signals(self)
            self.set_timer(LOADED_SECONDS, shorten_pauses)
        for problem in self._trouble:
            self.notify_text(problem, "warning")
        # The session as it was left; from here on it is this one's.
        self.call_after_refresh(self.complete, self.session)
        self.stamp()
        self.set_interval(STAMP_SECONDS, self.stamp)
        self.set_timer(1, self.move_queue)
        self.set_interval(QUEUE_SECONDS, self.move_queue)
        if self.demo:
            self.call_after_refresh(self.start_demo)

    def complete(self, session: dict[str, Any]) -> None:
        """Do what the first frame does without: read the other styles, greet after the runs are asked for."""
        self.call_later(self.greet, session)
        if LATER_STYLES[0] not in self.css_path:
            for path in LATER_STYLES:
                self.stylesheet.read(path)
            self.stylesheet.parse()

    @property
    def few_colours(self) -> bool:
        """Whether the terminal has 16 colours or none: the theme uses only those, and bars are reversed."""
        few = self.console.color_system not in ("256", "truecolor")
        return self.no_color or (few and not self.is_headless)

    def on_unmount(self) -> None:
        self.stamp(left=True)
        self.backend.close()

    def takes_key(self, event: events.Key) -> bool:
        self.news = ""
        self._touched = True
        # A screen that is being built or taken away has nothing that its keys could act on.
        if self._exit or not self.screen.is_mounted:
            return False
        if event.key == "escape" and (left := self.waits.leave()):
            self.notify_text(f"Left: {left}.")
        return True

    def _show_wait(self, wait: Wait | None) -> None:
        self.wait = wait_text(wait, self.glyphs.beat) if wait else ""

    def exit(
        self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        from promptrec_tui.tui.crash import keep_texts

        keep_texts(self)
        super().exit(result, return_code, message)

    def stamp(self, left: bool = False) -> None:
        """Remember until when the app has seen all runs, and whether it was left; else it was killed."""
        self.remember(at=time.time(), left=left)

    @work(group="greet", exit_on_error=False)
    async def greet(self, session: dict[str, Any]) -> None:
        """Show what happened since `session` was saved, and the form that was open then."""
        try:
            welcome = await self.ask(workspace.session_news.welcome, session)
        except UserError:
            return  # the screen shows the error, each second
        self.remember(work={})
        self.news = welcome.news
        self.set_timer(NEWS_SECONDS, lambda: setattr(self, "news", ""))
        if welcome.warning:
            self.notify_text(welcome.warning, "warning")
        form = session.get("form")
        if form and not self._touched and hasattr(self.screen, f"action_{form}"):
            await self.screen.run_action(form)

    @work(group="demo", exit_on_error=False)
    async def start_demo(self) -> None:
        """Import the sample data and start the sample run, unless they are there."""
        from promptrec_tui.tui.screens.runs import RunsScreen

        row = await self.ask(workspace.demo.start_demo)
        self.remember(run=row.id)
        for screen in self.screen_stack:
            if isinstance(screen, RunsScreen):
                screen.select(row.id)

    @work(group="queue", exit_on_error=False)
    async def move_queue(self) -> None:
        """Start a dispatcher while a run waits: the process that had to do so may have been killed."""
        if any(row.queue and not row.queue.held for row in self.runs):
            await self.ask(lambda opened: workspace.queue.spawn_dispatch(opened.home))

    def recall(self, name: str, default: T) -> T:
        """The remembered value of that name if it has the type of `default`, else `default`.

        People edit the session file.
        """
        value = self.session.get(name)
        return value if isinstance(value, type(default)) else default

    def watch_runs(self, before: "tuple[RunRow, ...]", after: "tuple[RunRow, ...]") -> None:
        """Show a notice when a run has ended."""
        going = {row.id for row in before if row.state in GOING}
        for row in after:
            if row.id in going and row.state not in GOING:
                self.notify_text(f"Run {row.name} is {row.state}. {row.reason}".strip())
        seen = {row.id: row.state.value for row in after if row.state != "done"}
        if seen != self.recall("seen", NOTHING):
            self.remember(seen=seen, at=time.time())

    def remember(self, **changes: Any) -> None:
        """Keep values for the next start."""
        if any(self.session.get(name) != value for name, value in changes.items()):
            self.session = {**self.session, **changes}
            self.backend.keep_session(self.session)

    def remember_scroll(self, name: str, row: int) -> None:
        """Keep how far a widget is scrolled, in rows."""
        self.remember(scroll={**self.recall("scroll", dict[str, object]()), name: row})

    def action_show_mode(self, mode: str) -> None:
        """Switch between Runs, Data, Templates and Models; the present mode returns to its list.

        A busy form stays in its mode and goes on working.
        """
        busy = any(isinstance(screen, BaseScreen) and screen.busy for screen in self.screen_stack)
        if mode == self.current_mode:
            self._pop_all()
            if busy:
                self.notify_text("The form is still at work; esc cancels it.")
            if mode == "runs":
                self.remember(open=False)
        else:
            if busy:
                key = key_for(f"app.{self.current_mode}")
                self.notify_text(f"The form goes on with its work; {key} shows it.")
            self.switch_mode(mode)
        self.remember(mode=mode)

    def open_run(self, run: str) -> None:
        """Show the screen of the run with that id, over the list of runs."""
        from promptrec_tui.tui.screens.run import RunScreen

        if self.current_mode != "runs":
            self.switch_mode("runs")
        self._pop_all()
        self.remember(mode="runs", run=run, open=True)
        self.push_screen(RunScreen(run))

    def go_to(self, kind: str, key: str) -> None:
        """Show a dataset, template or model in its list, or a setting in the form of a new run."""
        if self.current_mode != MODE_OF[kind]:
            self.switch_mode(MODE_OF[kind])
        self._pop_all()
        self.remember(mode=self.current_mode)
        if isinstance(listing := self.screen_stack[0], BaseScreen):
            listing.go_to(kind, key)

    def _pop_all(self) -> None:
        # Removing a busy form would cancel its work.
        while len(self.screen_stack) > 1 and not (isinstance(self.screen, BaseScreen) and self.screen.busy):
            self.pop_screen()
            self.remember(form="")

    @work(group="copy", exit_on_error=False)
    async def action_copy(self) -> None:
        """Copy the thing under the cursor of the present screen."""
        screen = self.screen
        copied = screen.copied() if isinstance(screen, BaseScreen) else copied_from(screen.focused)
        await copy(self, self.home, copied)

    def action_help(self) -> None:
        """Show the keys of the focused pane, of the screen and of the app."""
        from promptrec_tui.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(getattr(self.screen, "PLACE", ""), self.screen.focused))

    def action_open_settings(self) -> None:
        """Show colours, signs and keys, over the present screen."""
        from promptrec_tui.tui.screens.settings import SettingsScreen

        if not isinstance(self.screen, SettingsScreen):
            self.push_screen(SettingsScreen())

    def action_jump(self) -> None:
        """Show a letter over every pane, field and tab, and go to that of the next key."""
        from promptrec_tui.tui.jumping import jump_places
        from promptrec_tui.tui.screens.jump import JumpScreen

        if places := jump_places(self.screen):
            self.push_screen(JumpScreen(places), lambda place: place.go() if place else None)

    def _handle_exception(self, error: Exception) -> None:
        # A screen that is removed while it opens gets no widgets, and its queries raise NoMatches.
        here = active_message_pump.get(self)
        if not (isinstance(error, NoMatches) and isinstance(here, Widget) and not here.display):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Textual would print a traceback with every local variable: prompts, titles, paths.
        error = self._exception or sys.exc_info()[1] or RuntimeError("unknown")
        from promptrec_tui.tui.crash import keep_texts, last_words

        keep_texts(self)
        self.panic(Text(f"promptrec: {clean(last_words(error, self.home, self))}"))


def run_app(home: Home, demo: bool = False, ascii_only: bool = False) -> int:
    """Run the app on `home` until it is left. Returns the exit status."""
    if not (sys.__stdin__ and sys.__stdin__.isatty() and sys.__stderr__ and sys.__stderr__.isatty()):
        print(
            "promptrec: the app needs a terminal. See 'promptrec --help' for the commands.", file=sys.stderr
        )
        return 1
    try:
        app = PromptrecApp(home, demo, ascii_only or needs_ascii(os.environ))
        interface: AppInterface = app  # mypy checks here that the app has all that its screens use
        if not interface.recall("left", True):
            restore_terminal()
        with native_output_to(home.root / "app.log" if home.database.exists() else Path(os.devnull)):
            app.run()
    except UserError:
        raise
    except Exception as error:
        # Outside of the app's own loop nothing else would catch it.
        from promptrec_tui.tui.crash import last_words

        restore_terminal()
        raise UserError(last_words(error, home)) from None
    return app.return_code or 0
