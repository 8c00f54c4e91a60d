"""The end of the terminal or of the session around the app, and what an app that was killed leaves behind."""

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
"""How long leaving may take; then the process ends as it is. What matters was saved a second ago."""


def leave_on_signals(app: App[Any]) -> None:
    """SIGTERM, and SIGHUP when the terminal is gone, leave the app as its quit key does.

    Handlers of Python, not of the loop: they come also while the loop waits to write to a terminal that takes
    nothing any more. Under nohup, which ignores SIGHUP, that stays ignored.
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
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def _let_go_of_terminal() -> None:
    """Nobody reads it any more, and to write to it is an error: let everything go nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    drawn = sys.__stderr__.fileno() if sys.__stderr__ else 2
    for descriptor in {0, 1, 2, drawn}:
        os.dup2(nowhere, descriptor)


def restore_terminal() -> None:
    """Undo what an app that was killed (SIGKILL) could not: keys in raw mode, the newer keyboard protocol.

    The rest (mouse reports, the second screen, the hidden cursor) the app undoes when it is left.
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
