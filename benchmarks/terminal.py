"""A program on a terminal of its own, watched frame by frame."""

import os
import pty
import resource
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import ioctl

ASKED, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""Whether the terminal can show a frame at once, and that it can."""

FRAME_BEGIN, FRAME_END = b"\x1b[?2026h", b"\x1b[?2026l"
PATIENCE = 60.0


@dataclass(frozen=True)
class Terminal:
    """The process on it, and the side that a person would look at."""

    pid: int
    side: int

    def until(self, done: Callable[[bytes], bool], what: str) -> float:
        """Read until what is drawn from now on is `done` and no frame is unfinished; returns when that was.

        Raises TimeoutError after a minute without output.
        """
        seen, answered = b"", False
        while select.select([self.side], [], [], PATIENCE)[0]:
            seen += os.read(self.side, 1 << 16)
            now = time.perf_counter()
            if ASKED in seen and not answered:
                answered = True
                os.write(self.side, ANSWER)
            if done(seen) and seen.rfind(FRAME_BEGIN) <= seen.rfind(FRAME_END):
                return now
        raise TimeoutError(f"{what} was not shown. The end of the output: {seen[-500:]!r}")

    def shows(self, text: bytes) -> float:
        """Read until a frame with that text has ended; returns when that was."""
        return self.until(lambda seen: text in seen, text.decode())

    def press(self, key: bytes, text: bytes) -> float:
        """Milliseconds from a key until a frame with that text has ended."""
        start = time.perf_counter()
        os.write(self.side, key)
        return (self.shows(text) - start) * 1000

    def settle(self, seconds: float) -> None:
        """Read until there is no output for so long."""
        while select.select([self.side], [], [], seconds)[0]:
            os.read(self.side, 1 << 16)


def begin(words: Sequence[str], columns: int = 80, rows: int = 24, **environment: str) -> Terminal:
    """Start Python with these words on a new terminal."""
    pid, side = pty.fork()
    if pid == 0:
        ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment})
        os.execv(sys.executable, [sys.executable, *words])
    return Terminal(pid, side)


def end(terminal: Terminal) -> resource.struct_rusage:
    """Kill the program where it stands; returns what it took."""
    os.kill(terminal.pid, signal.SIGKILL)
    _, _, usage = os.wait4(terminal.pid, 0)
    os.close(terminal.side)
    return usage


@contextmanager
def on_terminal(words: Sequence[str], **environment: str) -> Iterator[Terminal]:
    """Python with these words on a terminal of 80 by 24, which is killed at the end of the block."""
    terminal = begin(words, **environment)
    try:
        yield terminal
    finally:
        end(terminal)
