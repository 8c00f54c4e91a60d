"""Standard output and error of commands, with control sequences removed."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import NoReturn, TextIO

from rich.cells import cell_len

from promptrec_tui.errors import UserError
from promptrec_tui.text import clean, clean_lines

SIMPLER = str.maketrans({"–": "-", "━": "#", "─": "-", "…": ".", "’": "'", "×": "x", "·": "."})
"""Replacements for the program's own special characters, for encodings that lack them."""


class OutputError(UserError):
    """The output of a command could not be written."""


class ReaderGoneError(Exception):
    """The reader of the output has closed the pipe, as `| head` does."""


class CleanStream(io.TextIOBase):
    """Removes control sequences, line by line: titles, names and errors may contain any characters.

    Characters that the stream's encoding lacks become `?`, two of them for a wide character. With `must` a
    failed write raises OutputError or ReaderGoneError; without it the failure is ignored, so that an import
    does not end because its progress cannot be shown.
    """

    def __init__(self, stream: TextIO, must: bool = True) -> None:
        self.stream = stream
        self.must = must

    def write(self, text: str) -> int:
        self.raw(clean_lines(text))
        return len(text)

    def raw(self, text: str) -> None:
        """Write `text` unchanged, control sequences included."""
        with self._told():
            self.stream.write(shown_in(text, self.encoding))

    def flush(self) -> None:
        with self._told():
            self.stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            if self.must:
                # Typer would turn a BrokenPipeError itself into exit status 1.
                raise ReaderGoneError from None
        except (OSError, ValueError) as error:
            if self.must:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise OutputError(f"The output cannot be written: {reason}.") from None

    def isatty(self) -> bool:
        with suppress(ValueError):
            return self.stream.isatty()
        return False

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"


def can_show(text: str, encoding: str | None) -> bool:
    """Whether an encoding has all characters of `text`."""
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


def shown_in(text: str, encoding: str) -> str:
    """`text` without characters that the encoding lacks; the replacements keep its width."""
    if can_show(text, encoding):
        return text
    simpler = (char if can_show(char, encoding) else char.translate(SIMPLER) for char in text)
    return "".join(char if can_show(char, encoding) else "?" * cell_len(char) for char in simpler)


@contextmanager
def clean_streams() -> Iterator[None]:
    """Within the block, stdout and stderr are written through a `CleanStream`."""
    with redirect_stdout(CleanStream(sys.stdout)), redirect_stderr(CleanStream(sys.stderr, must=False)):
        yield


def write_over(line: str, end: str = "") -> None:
    """Write `line` to stderr over the last one: the only control sequence that commands send."""
    text = f"\r\x1b[2K{clean(line)}{end}"
    if isinstance(sys.stderr, CleanStream):
        sys.stderr.raw(text)
    else:
        sys.stderr.write(text)
    sys.stderr.flush()


def leave(status: int) -> NoReturn:
    """End the process. Buffered output for a closed stream is dropped silently."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
    sys.exit(status)
