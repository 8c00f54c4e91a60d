"""A tour of the six keys that matter most: each is ticked when it is pressed."""

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from promptrec_tui.badges import step_badge
from promptrec_tui.tui.actions import BY_ID, bindings, key_for, key_text
from promptrec_tui.tui.app_interface import app_of

STOPS = {
    "runs.new": "describe a run; all defaults are filled in",
    "runs.open": "open the run under the cursor: its curves, previews, log",
    "runs.mark": "mark runs, to compare them on the same users",
    "runs.filter": "keep the rows that have these words",
    "app.help": "all keys of the screen that you are on",
    "app.palette": "find any action by its name",
}
"""Six actions of the list of runs, and what each does."""


class TourScreen(ModalScreen[None]):
    """Nothing happens but the tick: the keys do their work after the tour."""

    PLACE = "tour"
    BINDINGS = bindings("tour")

    def __init__(self) -> None:
        super().__init__()
        self._pressed: set[str] = set()

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(id="stops")

    def on_mount(self) -> None:
        self._show()

    def on_key(self, event: events.Key) -> None:
        for stop in STOPS:
            if {key_text(event.key), event.character} & set(BY_ID[stop].key_texts):
                self._pressed.add(stop)
                self._show()
                event.stop()
                event.prevent_default()

    def _show(self) -> None:
        self.query_one("#stops", Static).update(tour_text(self._pressed, app_of(self).ascii_only))

    def action_close(self) -> None:
        self.dismiss()


def tour_text(pressed: set[str], ascii_only: bool = False) -> Text:
    """The six keys, those that were pressed with a tick."""
    text = Text("Six keys\n", style="bold")
    text.append("Press each of them once; here they do nothing else.\n\n", style="not bold dim")
    for stop, does in STOPS.items():
        badge = step_badge("done" if stop in pressed else "waiting")
        text.append(f"{badge.ascii if ascii_only else badge.sign} ", style=f"not bold {badge.colour}")
        text.append(f"{key_for(stop):<6}", style="bold cyan")
        text.append(f"{does}\n", style="not bold")
    end = "That is all of them. esc leads to the list." if pressed >= set(STOPS) else "esc leaves the tour."
    text.append(f"\n{end}", style="not bold dim")
    return text
