"""An app at a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from benchmarks.faults.places import BrokenError, Place
from benchmarks.faults.run_under_test import LIMIT

ESCAPES = re.compile(r"\x1b(\[[0-9;:?<>$]*[a-zA-Z]|\][^\x07]*\x07)")


class Terminal:
    """A program in a terminal of its own; `sent` is everything that it wrote."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.sent = b""
        self.status: int | None = None
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            # nohup ignores SIGHUP and children inherit that; a terminal starts with the default.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.execve(command[0], command, {**environment, "TERM": "xterm-256color"})
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._end, keys.encode())

    def read(self, seconds: float = 0.0) -> str:
        """The output so far without escape sequences, after reading for that many seconds."""
        end = time.monotonic() + seconds
        while self._end >= 0:
            left = max(0.0, end - time.monotonic())
            if not select.select([self._end], [], [], left)[0]:
                break
            try:
                data = os.read(self._end, 1 << 16)
            except OSError:
                break
            if not data:
                break
            self.sent += data
        return ESCAPES.sub("", self.sent.decode(errors="replace"))

    def until(self, text: str) -> None:
        """Read until a text appears. Raises BrokenError if it does not."""
        end = time.monotonic() + LIMIT
        while text not in self.read(0.1):
            if time.monotonic() > end or not self.lives():
                raise BrokenError(f"The app never showed {text!r}: …{self.read()[-200:]}")

    def lives(self) -> bool:
        """Whether it has not ended; its exit status is then in `status`."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    def wait(self) -> int:
        """Its exit status once it has ended (minus a signal's number)."""
        end = time.monotonic() + LIMIT
        while self.lives():
            if time.monotonic() > end:
                raise BrokenError("The app does not end.")
            self.read(0.05)
            if self._end < 0:
                time.sleep(0.05)
        return self.status or 0

    def kill(self) -> None:
        """SIGKILL."""
        if self.lives():
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def hang_up(self) -> None:
        """Close the terminal."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def close(self) -> None:
        """End it and its terminal."""
        self.kill()
        self.hang_up()


def start_app(place: Place) -> Terminal:
    """The app on the home of `place`."""
    return Terminal([sys.executable, "-m", "promptrec_tui"], place.environment())


def open_app(place: Place) -> Terminal:
    """The same, once its first frame is there."""
    app = start_app(place)
    app.until("palette")
    return app
