"""What a start costs: the app to its first frame and to its rows, and two commands about runs.

    python benchmarks/start_up.py [--runs 20] [--rounds 9] [--publish]

CPU seconds, user and system, of a process until its terminal shows the frame, where it is killed, or until
the command has ended: medians of some rounds in which all take their turn. Peers: a Textual app without a
widget, and the bare imports of what the program stands on.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from results import publish, section, table, verdict
from terminal import begin, end

FRAME_RATIO, ROWS_RATIO = 1.5, 2.5
COMMAND_SECONDS = 0.8
MEMORY_MB = 100

COLUMNS, ROWS = 160, 50
"""All runs are in sight."""

APP = ("-m", "promptrec_tui")
EMPTY_APP = ("-c", "from textual.app import App; App().run()")
IMPORTS = ("textual.app", "sqlalchemy.orm", "pydantic", "typer")
BUILD = """
import sys
from pathlib import Path
from catalogue import build
from promptrec_tui.home import Home
build(Home(Path(sys.argv[1])).create(), int(sys.argv[2]), 100 * int(sys.argv[2]), live=0)
"""
WHOLE = b"\x1b[50;1H"
"""Goes to the last line, which a first frame draws."""
HINTS = b"palette"


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a process, its peak of memory in MB, and whether it has loaded torch."""

    cpu: float
    memory: float
    has_torch: bool = False


def shown(words: Sequence[str], home: Path, *texts: bytes, then: Callable[[], object] = bool) -> Cost:
    """What a program on a terminal has cost when it shows all the texts; `then` is done before its end."""
    terminal = begin(words, COLUMNS, ROWS, PROMPTREC_HOME=str(home))
    try:
        terminal.until(lambda seen: all(text in seen for text in texts), repr(texts))
        # The kernel's own peak of a child begins with the size of its parent.
        status = Path(f"/proc/{terminal.pid}/status").read_text()
        maps = Path(f"/proc/{terminal.pid}/maps").read_text()
        then()
    finally:
        used = end(terminal)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return Cost(used.ru_utime + used.ru_stime, int(peak) / 1024, "/torch/" in maps)


def ran(words: Sequence[str], home: Path) -> Cost:
    """What a command has cost in all."""
    environment = {**os.environ, "PROMPTREC_HOME": str(home)}
    process = subprocess.Popen([sys.executable, *words], env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"python {' '.join(words)} has failed")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def tasks(home: Path, runs: int) -> dict[str, Callable[[], Cost]]:
    """What is measured, by its name. The app starts as for the first time, or with the rows of the last."""
    last = f"r{runs - 1:05d}"
    filled = HINTS, last.encode()
    session, rows = home / "session.json", home / "last_list.json"

    def fresh(*texts: bytes, then: Callable[[], object] = bool) -> Cost:
        session.unlink(missing_ok=True)
        rows.unlink(missing_ok=True)
        return shown(APP, home, *texts, then=then)

    def kept() -> None:
        while not rows.exists():
            time.sleep(0.05)

    fresh(*filled, then=kept)
    last_rows = rows.read_bytes()

    def again() -> Cost:
        rows.write_bytes(last_rows)
        return shown(APP, home, *filled)

    return {
        "empty": lambda: shown(EMPTY_APP, home, WHOLE),
        "frame": lambda: fresh(WHOLE, HINTS),
        "rows": lambda: fresh(*filled),
        "again": again,
        "list": lambda: ran((*APP, "run", "list"), home),
        "show": lambda: ran((*APP, "run", "show", last), home),
        **{name: partial(ran, ("-c", f"import {name}"), home) for name in IMPORTS},
    }


def measure(todo: dict[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """The medians of all tasks, which take turns; the first round warms up."""
    costs = [{name: work() for name, work in todo.items()} for _ in range(rounds + 1)][1:]
    return {
        name: Cost(
            statistics.median(each[name].cpu for each in costs),
            max(each[name].memory for each in costs),
            any(each[name].has_torch for each in costs),
        )
        for name in todo
    }


def report(runs: int, rounds: int) -> list[str]:
    """The figures beside their goals."""
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        place = str(Path(__file__).parent)
        subprocess.run([sys.executable, "-c", BUILD, str(home), str(runs)], check=True, cwd=place)
        subprocess.run(  # makes the catalogue, and says so
            [sys.executable, *APP, "run", "list"],
            env={**os.environ, "PROMPTREC_HOME": str(home)},
            check=True,
            capture_output=True,
        )
        costs = measure(tasks(home, runs), rounds)
    empty = costs["empty"].cpu

    def against(name: str, label: str, ratio: float) -> list[str]:
        times = costs[name].cpu / empty
        said = f"{costs[name].cpu:.2f} s, {times:.2f} times, {costs[name].memory:.0f} MB"
        met = times <= ratio and costs[name].memory < MEMORY_MB and not costs[name].has_torch
        goal = f"at most {ratio} times the empty app, under {MEMORY_MB} MB, no torch"
        return [label, goal, verdict(said + ", torch" * costs[name].has_torch, met)]

    def command(name: str) -> list[str]:
        seconds = costs[name].cpu
        measured = verdict(f"{seconds:.2f} s", seconds <= COMMAND_SECONDS)
        return [f"`promptrec run {name}`", f"at most {COMMAND_SECONDS} s", measured]

    rows = [
        ["peer: an empty Textual app", "–", f"{empty:.2f} s, {costs['empty'].memory:.0f} MB"],
        against("frame", "the app to its first frame", FRAME_RATIO),
        against("again", "the same with the rows of the last time", FRAME_RATIO),
        against("rows", "the app to the rows of the catalogue", ROWS_RATIO),
        command("list"),
        command("show"),
        *([f"peer: `import {name}`", "–", f"{costs[name].cpu:.2f} s"] for name in IMPORTS),
    ]
    return [
        f"CPU seconds, medians of {rounds} rounds; peaks of memory are the highest. {runs} runs with 100 "
        f"metric points each, {COLUMNS} by {ROWS}. Load at the start {load:.1f} on {os.cpu_count()} cores.",
        "",
        *table(["figure", "goal", "measured"], rows),
    ]


def main(arguments: Sequence[str]) -> None:
    """Measure, print; write the section of RESULTS.md on request."""
    # An installed program is compiled once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)
    text = section("Start", os.cpu_count() or 1, report(options.runs, options.rounds))
    print(text)
    if options.publish:
        publish("Start", text)


if __name__ == "__main__":
    main(sys.argv[1:])
