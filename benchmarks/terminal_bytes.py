"""The bytes that the app sends to its terminal while a run trains: what an SSH line has to carry.

    python benchmarks/terminal_bytes.py [--publish]

Measured in a pseudo-terminal that takes all at once, without a key being pressed: of each view the mean of
all seconds, and the second with most.
"""

import argparse
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from key_latency import CORES, drain, training
from results import publish, section, table, verdict

from promptrec_tui.home import VARIABLE, Home

SECONDS = 30
GOAL = 8 * 1024
SIZES = ((80, 24), (160, 50))
VIEWS = {"the list of runs": "", "the curves of the run": "\r", "its log": "L"}
"""What is watched, and the keys that lead there from the one before."""


def report() -> list[str]:
    """The table, one row per view and size of the terminal."""
    with training() as patient:
        rows = [row for size in SIZES for row in watch(patient.home, size)]
    conditions = (
        f"{SECONDS} seconds each, no key pressed, beside a run that trains with {CORES} threads and writes a "
        "point after each step."
    )
    goal = f"goal: under {GOAL // 1024} KiB/s"
    return [conditions, "", *table(["view", "terminal", goal, "the second with most"], rows)]


def watch(home: Home, size: tuple[int, int]) -> list[list[str]]:
    """A row for each view of an app of its own, which begins at the list."""
    home.session.unlink(missing_ok=True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update({VARIABLE: str(home.root), "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        os.execv(sys.executable, [sys.executable, "-m", "promptrec_tui"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    try:
        seen, rows = b"", []
        while b"running" not in seen:
            seen += os.read(terminal, 1 << 16)
        for name, keys in VIEWS.items():
            os.write(terminal, keys.encode())
            drain(terminal)
            seconds = [received(terminal) for _ in range(SECONDS)]
            mean = sum(seconds) / SECONDS
            rows.append(
                [name, "{}x{}".format(*size), verdict(kib(mean), mean < GOAL), f"{kib(max(seconds))}"]
            )
            print(*rows[-1], sep=", ", file=sys.stderr, flush=True)
        return rows
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def received(terminal: int) -> int:
    """The bytes that come in a second."""
    end, count = time.monotonic() + 1, 0
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            count += len(os.read(terminal, 1 << 16))
    return count


def kib(count: float) -> str:
    """A number of bytes."""
    return f"{count / 1024:.2f} KiB"


def main(arguments: Sequence[str]) -> None:
    """Measure, print; write the section of RESULTS.md on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)
    text = section("Terminal", CORES, report())
    print(text)
    if options.publish:
        publish("Terminal", text)


if __name__ == "__main__":
    main(sys.argv[1:])
