"""The end of the terminal or session of the app, and the terminal state after a killed app."""

import asyncio
import os
import signal
import sys
import termios
from threading import Timer
from types import FrameType
from typing import Any

from textual.app import App

PATIENCE_SECONDS = 5.0
"""Seconds that a normal exit may take before the process is ended. The session was saved a second before."""


def leave_on_signals(app: App[Any]) -> None:
    """Make SIGTERM, and SIGHUP when the terminal is gone, quit the app as its quit key does.

    These are Python's handlers, not the loop's: they also run while the loop waits to write to a terminal
    that no longer reads. They are set under nohup too: an app without a terminal shows nobody anything, and
    runs go on by themselves.
    """
    loop = asyncio.get_running_loop()

    def leave(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _let_go_of_terminal()
        end = Timer(PATIENCE_SECONDS, os._exit, [128 + number])
        end.daemon = True
        end.start()
        loop.call_soon_threadsafe(lambda: app.exit(return_code=128 + number))

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, leave)


def _let_go_of_terminal() -> None:
    """Redirect the terminal's streams to /dev/null: writing to a terminal that is gone is an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    drawn = sys.__stderr__.fileno() if sys.__stderr__ else 2
    for descriptor in {0, 1, 2, drawn}:
        os.dup2(nowhere, descriptor)


def restore_terminal() -> None:
    """Restore the terminal after an app that was killed (SIGKILL): raw mode, the newer keyboard protocol.

    The app resets the rest (mouse reports, alternate screen, hidden cursor) when it exits.
    """
    if sys.__stdin__ is None or sys.__stderr__ is None:
        return
    terminal = sys.__stdin__.fileno()
    modes = termios.tcgetattr(terminal)
    modes[0] |= termios.ICRNL | termios.IXON
    modes[3] |= termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
    sys.__stderr__.write("\x1b[<u")
    sys.__stderr__.flush()
