"""Redirects the output of native libraries to the app's log, so that it does not overwrite the screen."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def native_output_to(log: Path) -> Iterator[None]:
    """Redirect file descriptor 2 to `log` while the app runs; the app draws through another descriptor.

    A panic in native code prints to descriptor 2 even if Python's `sys.stderr` was replaced; child processes
    inherit it. If the log cannot be written, the output is discarded.
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
