"""An unexpected end of the app: texts are kept, and a report tells of it without any value of data."""

import linecache
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptrec_tui import __version__
from promptrec_tui.files import write_atomic
from promptrec_tui.tui.notices import explained
from promptrec_tui.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from textual.app import App

    from promptrec_tui.home import Home

OURS = Path(__file__).parent.parent
LIBRARIES = ("site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}")
"""Folders below which the name of a file says nothing about a person."""

DEEPEST = 8
"""The most errors of a chain that are told."""


def keep_texts(app: "App[Any]") -> None:
    """Have all screens remember what was typed into them."""
    for stack in app._screen_stacks.values():
        for screen in stack:
            if isinstance(screen, BaseScreen):
                # The screen may be what is broken.
                with suppress(Exception):
                    screen.keep()


def last_words(error: BaseException, home: "Home", app: "App[Any] | None" = None) -> str:
    """Write the report; returns the sentence that the terminal shows."""
    path = home.crashes / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    try:
        home.crashes.mkdir(mode=0o700, exist_ok=True)
        write_atomic(path, report(error, app).encode())
    except OSError:
        details = "its report could not be written"
    else:
        details = f"the report is {path}"
    inner = getattr(error, "error", None)
    cause = inner if isinstance(inner, Exception) else error
    return f"{explained(cause, details)} Runs go on without the app."


def report(error: BaseException, app: "App[Any] | None") -> str:
    """Versions, the terminal, the screens by their types, and each error by its type and stack.

    It has no message of an error, as that may quote a title, a text or a path of the user's.
    """
    lines = [
        f"promptrec {__version__} ended unexpectedly at {datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}",
        f"Python {platform.python_version()}, Textual {version('textual')}, {platform.platform()}",
    ]
    if app:
        screens = " > ".join(type(screen).__name__ for screen in app._screen_stacks.get(app.current_mode, ()))
        focused = type(app.focused).__name__ if app._screen_stacks.get(app.current_mode) else "nothing"
        colours = app.console.color_system or "no colours"
        lines += [
            f"terminal {os.environ.get('TERM', '')!r}, {app.size.width}x{app.size.height}, {colours}",
            f"screens {screens}, focus on {focused}",
        ]
    for number, each in enumerate(_chain(error)):
        lines += ["", f"{'after ' if number else ''}{type(each).__module__}.{type(each).__qualname__}"]
        lines += _stack(each)
    return "\n".join(lines) + "\n"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that led to it."""
    for _ in range(DEEPEST):
        if error is None:
            return
        yield error
        inner = getattr(error, "error", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__


def _stack(error: BaseException) -> Iterator[str]:
    """A line for each frame, the innermost one last; of our own files the line of code too."""
    for frame, number in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        path = Path(code.co_filename)
        yield f"  {_name(path)}:{number} in {code.co_name}"
        if path.is_relative_to(OURS):
            yield f"    {linecache.getline(code.co_filename, number).strip()}"


def _name(path: Path) -> str:
    """The file of a frame without the folders above our package, a library or Python's own."""
    if path.is_relative_to(OURS):
        return path.relative_to(OURS.parent).as_posix()
    places = [number for number, part in enumerate(path.parts) if part in LIBRARIES]
    return "/".join(path.parts[places[-1] + 1 :]) if places else "another file"
