"""The copy key: the thing under the cursor, for the terminal's clipboard and a file in the home."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from promptrec_tui.files import write_atomic
from promptrec_tui.text import clean, is_harmless
from promptrec_tui.tui.notices import notify_text

if TYPE_CHECKING:
    from textual.app import App

    from promptrec_tui.home import Home

LONGEST = 50_000
"""Bytes that every terminal takes for its clipboard; longer texts are in the file only."""

SHOWN = 40
"""Characters of the text in the notice."""


@dataclass(frozen=True)
class Copied:
    """`noun`: what it is, such as run name; `text`: what is copied."""

    noun: str
    text: str


def copied_from(node: DOMNode | None) -> Copied | None:
    """What is under the cursor, by `copied` of a widget or of one around it; else the text that it shows."""
    for widget in node.ancestors_with_self if node else ():
        if isinstance(widget, Screen):
            break
        if hasattr(widget, "copied"):
            if copied := widget.copied():
                return Copied(copied.noun, copied.text)
        elif lines := [text for static in widget.query(Static) if static.display and (text := plain(static))]:
            return Copied("text", "\n".join(lines))
    return None


def plain(static: Static) -> str:
    """The text of a widget without its colours."""
    return str(getattr(static.content, "plain", static.content))


async def copy(app: "App[Any]", home: "Home", copied: Copied | None) -> None:
    """Copy a text, and say what was copied and where it is, as no terminal tells whether it took it."""
    if copied is None or not copied.text:
        notify_text(app, "There is nothing to copy here.")
        return
    # A text that is pasted into a shell must not act as keys.
    text = "".join(char for char in copied.text if char in "\n\t" or is_harmless(char))
    short = clean(text.strip())
    said = f"Copied the {copied.noun}: {short[:SHOWN]}{'...' if len(short) > SHOWN else ''}"
    if len(text.encode()) <= LONGEST:
        app.copy_to_clipboard(text)
    else:
        said = f"The {copied.noun} is too long for the clipboard of a terminal"
    try:
        await asyncio.to_thread(_write, home.clipboard, text)
    except OSError as error:
        notify_text(app, f"{said}. It could not be written to {home.clipboard}: {error.strerror}.", "warning")
    else:
        notify_text(app, f"{said} (also in {home.clipboard})")


def _write(path: Path, text: str) -> None:
    if path.parent.is_dir():
        write_atomic(path, text.encode())
