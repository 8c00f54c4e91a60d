"""What screens, widgets and the palette use of the app.

They import this module instead of `app.py`, which imports them. Add a member here when a screen needs more of
the app; mypy checks in `app.py` that the app has all of them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from promptrec_tui.home import Home
    from promptrec_tui.tui.backend import Backend
    from promptrec_tui.tui.glyphs import Glyphs
    from promptrec_tui.tui.waits import Waits
    from promptrec_tui.workspace.preferences import Preferences
    from promptrec_tui.workspace.runs import RunRow

T = TypeVar("T")


class AppInterface(Protocol):
    """The app as its parts see it."""

    home: "Home"
    backend: "Backend"
    glyphs: "Glyphs"
    ascii_only: bool

    preferences: "Preferences"
    """What the person prefers; a screen that changes it keeps it in its file, too."""

    runs: "tuple[RunRow, ...]"
    """All runs as last read, newest first. Reactive, like the other texts here."""

    waits: "Waits"
    """What screens wait for."""

    wait: str
    """The wait that is told in the top bar; empty when there is none."""

    news: str
    """What happened while the app was closed; empty after the first key."""

    trouble: str
    """Why the present screen has no fresh data, for the top bar; empty when it has."""

    @property
    def few_colours(self) -> bool:
        """Whether the terminal has 16 colours or none."""

    def recall(self, name: str, default: T) -> T:
        """The remembered value of that name if it has the type of `default`, else `default`."""

    def remember(self, **changes: Any) -> None:
        """Keep values for the next start."""

    def remember_scroll(self, name: str, row: int) -> None:
        """Keep how far a widget is scrolled, in rows."""

    def start_demo(self) -> object:
        """Import the sample data and start the sample run, unless they are there."""

    def open_run(self, run: str) -> None:
        """Show the screen of the run with that id, over the list of runs."""

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Give actions these keys from now on, in the place of those of the table."""

    def go_to(self, kind: str, key: str) -> None:
        """Show a dataset, template or model in its list, or a setting in the form of a new run."""


def app_of(node: MessagePump) -> AppInterface:
    """The app of a screen or widget."""
    return cast(AppInterface, node.app)
