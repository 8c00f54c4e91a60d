"""Short messages over the screen, and the sentence that an error becomes."""

import errno
import os
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import App

Severity = Literal["information", "warning", "error"]

TIMEOUT = 8.0

MENDING = {
    errno.ENOSPC: ": make room on the disk and try again",
    errno.EDQUOT: ": make room, your share of the disk is used up, and try again",
    errno.EFBIG: ": raise the limit of file sizes (ulimit -f) and try again",
    errno.EMFILE: ": raise the limit of open files (ulimit -n) and try again",
    errno.EACCES: ": check the permissions",
    errno.EROFS: ": it can only be read; choose another place",
}
"""What to do about an error of the operating system, by its number."""


def notify_text(app: "App[Any]", text: str, severity: Severity = "information") -> None:
    """Show `text` for some seconds. Data never becomes markup or a control sequence."""
    app.notify(clean(text), severity=severity, timeout=TIMEOUT, markup=False)


def sentence_of(error: BaseException, log: "Path") -> str:
    """An error as one sentence; for an unexpected error it names the log that has the details.

    The traceback of an unexpected error is appended to `log`.
    """
    if isinstance(error, UserError):
        return explained(error, "")
    stamp = datetime.now().astimezone().isoformat(timespec="seconds")
    try:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{stamp}\n{''.join(traceback.format_exception(error))}\n")
    except OSError:
        details = str(error).strip().split("\n")[0] or "no message"
    else:
        details = f"details in {log}"
    return explained(error, details)


def explained(error: BaseException, details: str) -> str:
    """An error as one sentence with a remark, such as where its details are."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return f"{where}{error.strerror}{MENDING.get(error.errno or 0, '')}. ({details})"
    if isinstance(error, MemoryError):
        return (
            f"There is not enough memory: close other programs, or raise the limit (ulimit -v). ({details})"
        )
    return f"Unexpected {type(error).__name__}: {details}."
