"""Records the picture of the READMEs: `python docs/record_session.py` writes docs/session.svg.

The app runs in a pseudo-terminal on a new sample workspace, keys are pressed, and its screens at some
moments become the frames: nothing is drawn by hand. It takes as long as the sample run, about three
minutes, of which the picture shows seconds; the line below the screen tells the true time.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from select import select

import pyte

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs.animated_svg import BACK, FORE, Cell, Frame, animated_svg  # noqa: E402
from promptrec_tui.home import VARIABLE  # noqa: E402
from tests.keys import key_of, sent_for  # noqa: E402
from tests.terminal import Terminal  # noqa: E402

SIZE = (80, 24)
QUIET_SECONDS = 0.1
"""After so long without output a screen is complete."""

BETWEEN, MOST = 5.0, 24
"""Seconds between two screens of the run, and about how many of them become frames."""

RUNNING_SECONDS = 0.5
TOAST_SECONDS = 10.0
"""How long such a frame is shown, and how long the app shows that the run is done."""

STILL = -6
"""The frame that tells most, the result."""


class Recorder:
    """An app in a terminal, what it shows, and the frames taken so far."""

    def __init__(self, home: str) -> None:
        command = [sys.executable, "-m", "promptrec_tui", "demo"]
        self.terminal = Terminal(command, SIZE, {VARIABLE: home})
        self.screen = pyte.Screen(*SIZE)
        self.stream = pyte.ByteStream(self.screen)
        self.began = time.monotonic()
        self.frames: list[Frame] = []

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def see(self, *words: str) -> None:
        """Wait until one of some words is on the screen."""
        while not any(word in self.text for word in words):
            if "failed" in self.text:
                sys.exit("The sample run has failed.")
            self.wait(QUIET_SECONDS)

    def wait(self, seconds: float) -> None:
        """Draw what comes for so many seconds, and until nothing has come for a moment."""
        end = time.monotonic() + seconds
        while select([self.terminal.end], [], [], max(QUIET_SECONDS, end - time.monotonic()))[0]:
            self.stream.feed(os.read(self.terminal.end, 1 << 16))

    def take(self, seconds: float, note: str = "") -> None:
        """The screen as it is becomes a frame."""
        passed = round(time.monotonic() - self.began)
        caption = f"{passed // 60}:{passed % 60:02}  {note}"
        self.frames.append(Frame(rows_of(self.screen), caption, seconds))

    def press(self, action: str, *words: str, seconds: float) -> None:
        """Press the key of an action, and show where it leads."""
        key = key_of(action)
        self.terminal.press(sent_for(action))
        self.wait(1)
        self.see(*words)
        self.take(seconds, f"key {key}")


def rows_of(screen: pyte.Screen) -> tuple[tuple[Cell, ...], ...]:
    """The cells of a screen."""
    return tuple(
        tuple(_cell(screen.buffer[line][column]) for column in range(screen.columns))
        for line in range(screen.lines)
    )


def _cell(char: "pyte.screens.Char") -> Cell:
    fore = FORE if char.fg == "default" else f"#{char.fg}"
    back = BACK if char.bg == "default" else f"#{char.bg}"
    return Cell(char.data, *((back, fore) if char.reverse else (fore, back)), char.bold)


def record(home: str) -> list[Frame]:
    """From the list of runs to the recommendations before and after."""
    app = Recorder(home)
    try:
        app.see("starting", "running")
        app.take(2.0, "the list of runs")
        app.press("runs.open", "The curves begin here", seconds=2.0)
        first = len(app.frames)
        while "✓ done" not in app.text:
            app.wait(BETWEEN)
            app.take(RUNNING_SECONDS)
        app.frames[first:] = app.frames[first :: max(1, (len(app.frames) - first) // MOST)]
        app.wait(TOAST_SECONDS)
        app.take(6.0, "done")
        app.press("curve.down", "train", seconds=2.0)
        app.press("curve.down", "NDCG", seconds=3.0)
        app.press("run.next_tab", "before", seconds=4.0)
        app.press("run.next", "before", seconds=4.0)
        app.press("app.back", "done", seconds=2.0)
    finally:
        app.terminal.close()
    return app.frames


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        frames = record(home)
    (ROOT / "docs" / "session.svg").write_text(animated_svg(frames, STILL), encoding="utf-8")
