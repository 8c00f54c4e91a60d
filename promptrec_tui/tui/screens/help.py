"""The keys of the focused pane, of its screen and of the app, from the action table; searchable."""

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from promptrec_tui.tui.actions import ACTIONS, GROUPS, Action, actions_of, bindings, key_for
from promptrec_tui.tui.keymap import takes_text
from promptrec_tui.tui.widgets.text_pane import TextPane

KEYS_WIDTH = 14
FIELD = (("enter", "To the next field."), ("right", "Take the completion."), ("esc", "Leave the field."))
"""What Textual's fields do, beside writing letters."""

Line = tuple[str, str]
"""Keys, and what they do."""


class HelpScreen(ModalScreen[None]):
    """Opened by `?` over any screen: `place` is that screen's, `focused` its widget with the focus."""

    PLACE = "help"
    BINDINGS = bindings("help")
    AUTO_FOCUS = "TextPane"

    def __init__(self, place: str, focused: Widget | None = None) -> None:
        super().__init__()
        self._groups = groups_of(place, focused)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(
                placeholder=f"{key_for('help.search')} searches keys and what they do",
                id="search",
                compact=True,
            )
            with TextPane():
                yield Static(help_text(self._groups), id="keys")

    @on(Input.Changed, "#search")
    def _search(self, event: Input.Changed) -> None:
        self.query_one("#keys", Static).update(help_text(self._groups, event.value))
        self.query_one(TextPane).scroll_home(animate=False)

    @on(Input.Submitted, "#search")
    def _read_on(self) -> None:
        self.query_one(TextPane).focus()

    def action_filter(self) -> None:
        self.query_one("#search").focus()

    def action_close(self) -> None:
        """Leave the field, then the search, then the page."""
        field = self.query_one("#search", Input)
        if field.value:
            field.value = ""
        elif not field.has_focus:
            self.dismiss()
        self.query_one(TextPane).focus()


def groups_of(place: str, focused: Widget | None = None) -> list[tuple[str, list[Line]]]:
    """Headings and lines: of the focused pane, of the screen without them, of the app, of moving."""
    pane = "field" if takes_text(focused) else getattr(focused, "PANE", "")
    own = [action for action in ACTIONS if pane in action.places or action.id.startswith(f"{pane}.")]
    groups = [
        (f"This pane: {PANES.get(pane, pane)}", list(FIELD) if pane == "field" else _lines(own)),
        (GROUPS.get(place, ""), _lines([action for action in actions_of(place) if action not in own])),
        (GROUPS["app"], _lines(actions_of("app"))),
        *((GROUPS[kind], _lines(actions_of(kind))) for kind in ("table", "scroll") if kind != pane),
    ]
    return [(heading, lines) for heading, lines in groups if heading and lines]


PANES = {"table": "a table", "scroll": "a text", "curve": "the curves", "field": "a field to type into"}
"""The names of panes, by the `PANE` of their widgets: a place of actions, or the beginning of their ids."""


def help_text(groups: Sequence[tuple[str, Sequence[Line]]], wanted: str = "") -> Text:
    """The groups as text, or those lines of them that contain all `wanted` words."""
    words = wanted.lower().split()
    text = Text()
    for heading, lines in groups:
        kept = [line for line in lines if all(word in " ".join((heading, *line)).lower() for word in words)]
        if not kept:
            continue
        text.append(f"{heading}\n", style="bold")
        for keys, does in kept:
            text.append(f"  {keys:<{KEYS_WIDTH}} ", style="bold cyan")
            text.append(f"{does}\n")
        text.append("\n")
    if not text:
        text.append(f"No key does anything like {wanted.strip()!r}. {key_for('help.close')} shows all.\n\n")
    text.append(f"{key_for('help.search')} searches; {key_for('help.close')} leaves this page.", style="dim")
    return text


def _lines(actions: Sequence[Action]) -> list[Line]:
    return [(" ".join(action.key_texts), action.help) for action in actions if action.keys]
