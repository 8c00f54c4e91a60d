"""What every room's tests may use."""

import csv
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.runs.supervisor import CPU_NICENESS, lower_autogroup


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of xdist a session of its own that gives way as those of trainers do.

    Beside a busy session of full weight the runs that tests wait for would hardly get on.
    """
    if hasattr(config, "workerinput"):
        with suppress(OSError):
            os.setsid()
            lower_autogroup(CPU_NICENESS)


@pytest.fixture(autouse=True)
def temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a home moves them into it, for the process: here, for one test."""
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())


@pytest.fixture(autouse=True)
def small_ballast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of a test needs no 32 MB."""
    monkeypatch.setattr("promptrec_tui.store.ballast.SIZE", 1 << 16)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of the test's own; commands and child processes find it too."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    return Home(tmp_path / "home").create()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """`write_shop` in the test's own folder."""
    return write_shop(tmp_path)


@pytest.fixture(scope="session")
def make_shop() -> Callable[[Path], Path]:
    """`write_shop`, for fixtures that last longer than a test."""
    return write_shop


def write_shop(place: Path) -> Path:
    """A small simulated shop: events.csv (30 users with 6 to 12 events) and items.csv (24 items)."""
    random_ = random.Random(7)
    folder = place / "shop"
    folder.mkdir()
    items = [(f"{number:03d}", f"Thing {chr(65 + number)} {number}") for number in range(24)]
    with open(folder / "items.csv", "w", newline="") as file:
        csv.writer(file).writerows([("item_id", "title", "kind"), *((*item, "tool") for item in items)])
    with open(folder / "events.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("user_id", "item_id", "rating", "timestamp"))
        for user in range(30):
            start, length = random_.randrange(24), random_.randrange(6, 13)
            for step in range(length):
                key = items[(start + step) % 24][0]
                out.writerow((f"u{user:02d}", key, random_.choice((3, 4, 5)), 1_000_000 + user * 1000 + step))
    return folder


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

    def read(self, seconds: float) -> bytes:
        """What comes within so many seconds."""
        start, end = len(self.sent), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._take(left):
            pass
        return self.sent[start:]

    def until(self, text: str, seconds: float = 30) -> None:
        """Read until a text was sent in one piece since the last look; fail after so many seconds."""
        end, start = time.monotonic() + seconds, len(self.sent)
        while text.encode() not in self.sent[start:]:
            if time.monotonic() > end or not self._take(0.1):
                shown = re.sub(rb"\x1b\[[0-9;?<>]*[a-zA-Z]", b"", self.sent[start:])
                pytest.fail(f"{text!r} never came: {shown[-3000:].decode(errors='replace')}")

    def wait(self, seconds: float = 30) -> int:
        """The exit status (minus the signal's number) once it has ended; what it still says is read."""
        end = time.monotonic() + seconds
        while self.status is None:
            if time.monotonic() > end:
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


OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def open_terminal() -> Iterator[OpenTerminal]:
    """Start `promptrec ARGUMENTS…` at a terminal, perhaps `through` another command.

    What still lives at the end is killed.
    """
    opened: list[Terminal] = []

    def start(
        *arguments: str,
        home: Home,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] = {},
        through: Sequence[str] = (),
    ) -> Terminal:
        command = [*through, sys.executable, "-m", "promptrec_tui", *arguments]
        opened.append(Terminal(command, size, {VARIABLE: str(home.root), **environment}))
        return opened[-1]

    yield start
    for terminal in opened:
        with suppress(OSError):
            terminal.close()
