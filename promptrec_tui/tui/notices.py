"""The only way in which the app says something in passing."""

import traceback
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import App

Severity = Literal["information", "warning", "error"]

TIMEOUT = 8.0


def notify_text(app: "App[Any]", text: str, severity: Severity = "information") -> None:
    """Show `text` for some seconds. Data never becomes markup or a control sequence."""
    app.notify(clean(text), severity=severity, timeout=TIMEOUT, markup=False)


def sentence_of(error: BaseException, log: "Path") -> str:
    """What to tell a person: an error's own sentence, or where the details of an unexpected one stand."""
    if isinstance(error, UserError):
        return str(error)
    with suppress(OSError), open(log, "a", encoding="utf-8") as file:
        stamp = datetime.now().astimezone().isoformat(timespec="seconds")
        file.write(f"{stamp}\n{''.join(traceback.format_exception(error))}\n")
    return f"Unexpected {type(error).__name__}: details in {log}."
