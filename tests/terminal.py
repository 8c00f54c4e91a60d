"""A pseudo-terminal with a program at it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping

import pytest

from tests.waiting import PATIENCE, Clock


class Terminal:
    """A program at a terminal of its own, which it leads as a shell's foreground job does."""

    def __init__(self, command: list[str], size: tuple[int, int], environment: Mapping[str, str]) -> None:
        self.sent = b""
        self.status: int | None = None
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment})
            os.execv(command[0], command)
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def press(self, keys: str) -> None:
        os.write(self.end, keys.encode())

    def read(self, quiet: float) -> bytes:
        """What comes until, for so many seconds of a `Clock`, nothing has come."""
        start, seen, clock = len(self.sent), len(self.sent), Clock()
        while clock.seconds() < quiet and self._take(0.02):
            if len(self.sent) > seen:
                seen, clock = len(self.sent), Clock()
        return self.sent[start:]

    def until(self, text: str) -> None:
        """Read until a text was sent in one piece since the last look; fail when it does not come."""
        start, clock = len(self.sent), Clock()
        while text.encode() not in self.sent[start:]:
            if clock.seconds() > PATIENCE or not self._take(0.1):
                shown = re.sub(rb"\x1b\[[0-9;?<>]*[a-zA-Z]", b"", self.sent[start:])
                pytest.fail(f"{text!r} never came: {shown[-3000:].decode(errors='replace')}")

    def wait(self) -> int:
        """The exit status (minus the signal's number) once it has ended; what it still says is read."""
        clock = Clock()
        while self.status is None:
            if clock.seconds() > PATIENCE:
                pytest.fail("The program does not end.")
            self._take(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def hang_up(self) -> None:
        """Close the terminal's window, so to say."""
        os.close(self.end)
        self.end = -1

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.end >= 0:
            os.close(self.end)

    def _take(self, patience: float) -> bool:
        """Read once; False when nothing will ever come."""
        if self.end < 0:
            time.sleep(min(patience, 0.05))
            return True
        if select.select([self.end], [], [], patience)[0]:
            try:
                self.sent += (data := os.read(self.end, 1 << 16))
            except OSError:
                return False
            return bool(data)
        return True
