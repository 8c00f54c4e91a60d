"""Standard output and error as commands have them: whatever is printed, a terminal gets plain text."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO

from promptrec_tui.text import clean, clean_lines


class CleanStream(io.TextIOBase):
    """Cleans what is written to it, line by line: titles, names and errors may hold anything."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(clean_lines(text))
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


@contextmanager
def clean_streams() -> Iterator[None]:
    """`print` and whoever else writes to stdout or stderr within the block write through a `CleanStream`."""
    with redirect_stdout(CleanStream(sys.stdout)), redirect_stderr(CleanStream(sys.stderr)):
        yield


def write_over(line: str, end: str = "") -> None:
    """Write `line` to stderr over the last one: the only control sequence that commands send."""
    stream = sys.stderr.stream if isinstance(sys.stderr, CleanStream) else sys.stderr
    stream.write(f"\r\x1b[2K{clean(line)}{end}")
    stream.flush()
