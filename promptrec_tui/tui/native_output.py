"""What native libraries print: to the app's log, never over its screen."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def native_output_to(log: Path) -> Iterator[None]:
    """Let file descriptor 2 lead to `log` while the app has the terminal, on which it draws by another one.

    A panic in native code prints to descriptor 2, whatever Python's `sys.stderr` is; child processes inherit
    it. Where the log cannot be written it leads nowhere.
    """
    before, shown = sys.__stderr__, sys.stderr
    if before is None:
        yield
        return
    number = before.fileno()
    terminal = os.dup(number)
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        file = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    before.flush()
    screen = open(  # noqa: SIM115 (it lives as long as the app)
        terminal, "w", encoding=before.encoding, errors=before.errors, closefd=False
    )
    os.dup2(file, number)
    os.close(file)
    sys.__stderr__ = sys.stderr = screen  # type: ignore[misc]
    try:
        yield
    finally:
        with suppress(OSError):
            screen.flush()
        sys.__stderr__, sys.stderr = before, shown  # type: ignore[misc]
        os.dup2(terminal, number)
        os.close(terminal)
