"""All keys of a screen, from the action table."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from promptrec_tui.tui.actions import GROUPS, actions_of, bindings

KEYS_WIDTH = 14


class HelpText(VerticalScroll, inherit_bindings=False):
    """The page; it scrolls with the keys of a text."""

    BINDINGS = bindings("scroll")


class HelpScreen(ModalScreen[None]):
    """Opened by `?` over any screen; `place` is that screen's."""

    PLACE = "help"
    BINDINGS = bindings("help")
    AUTO_FOCUS = "HelpText"

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        with HelpText():
            yield Static(help_text(self._place))

    def action_close(self) -> None:
        self.dismiss()


def help_text(place: str) -> Text:
    """Keys and what they do: the screen's own first, then those of everywhere, then moving."""
    text = Text()
    for group in (place, "app", "table", "scroll"):
        actions = [action for action in actions_of(group) if action.keys]
        if group not in GROUPS or not actions:
            continue
        text.append(f"{GROUPS[group]}\n", style="bold")
        for action in actions:
            text.append(f"  {' '.join(action.key_texts):<{KEYS_WIDTH}} ", style="bold cyan")
            text.append(f"{action.help}\n")
        text.append("\n")
    text.append("esc leaves this page.", style="dim")
    return text
