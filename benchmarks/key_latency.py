"""The time from a key to the app's response while other processes use all cores.

    python benchmarks/key_latency.py [--folder F] [--long-only] [--publish]

First a small home, from a key to the first byte that the app draws: beside nothing, beside a run that trains,
as it is and with the weight of its session put back, and beside processes that do nothing but compute. Then
a home of 10,000 runs and a million points, from a key to the end of the frame that shows what it does, alone
and beside a run that trains. `catalogue.py --folder F` makes that home, and one in F is used again.
"""

import argparse
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from results import publish, section, table, verdict
from terminal import Terminal, on_terminal

from benchmarks.faults.places import Place
from benchmarks.faults.run_under_test import Patient, begin, look, process, strike, until
from benchmarks.faults.stage import make_home
from promptrec_tui.tui.actions import key_for

KEYS = 60
GOAL_MS = 100
MEDIAN_MS, LATE_MS = 16, 50
"""Of a key in the long list: half of them, and 99 %."""

ROUNDS = 4
COUNTS = "1,000 of", "100 of", "10 of"
"""Of runs that are left with each letter of the filter."""
APP = ("-m", "promptrec_tui")
QUIET_SECONDS = 0.4
CORES = os.cpu_count() or 1
BURNERS = 2 * CORES
AUTOGROUP = Path("/proc/self/autogroup")
BURN = """
import os, sys
os.nice(int(sys.argv[1]))
if sys.argv[2] != "0":
    from promptrec_tui.runs.supervisor import lower_autogroup
    lower_autogroup(int(sys.argv[2]))
for _ in range(int(sys.argv[3]) - 1):
    if os.fork() == 0:
        break
print("ready", flush=True)
while True:
    pass
"""


def report() -> list[str]:
    """The table, one row per load."""
    load = os.getloadavg()[0]
    rows = [row("nothing else", "–")]
    with training() as patient:
        rows.append(row("a run that trains", f"median under {GOAL_MS} ms"))
        if AUTOGROUP.exists():
            raise_session(patient)
            rows.append(row("that run, its session at full weight", "–"))
    crowds = [("as they are", 0, 0), ("nice 10", 10, 0)]
    if AUTOGROUP.exists():
        crowds.append(("nice 10, their session lowered", 10, 10))
    for name, nice, autogroup in crowds:
        with burning(nice, autogroup):
            rows.append(row(f"{BURNERS} processes that compute, {name}", "–"))
    conditions = (
        f"{KEYS} keys each, between Templates and Models at 80 by 24; the trainer has {CORES} threads. "
        f"Other work on the machine at the start: a load of {load:.1f} on {CORES} cores."
    )
    if not AUTOGROUP.exists():
        conditions += " This kernel has no autogroups: nice values count across sessions."
    return [conditions, "", *table(["beside the app", "goal", "median, 95 %, worst"], rows)]


def row(name: str, goal: str) -> list[str]:
    """Measure the app under the present load."""
    times = sorted(measure())
    middle, late = statistics.median(times), times[int(0.95 * len(times))]
    figures = f"{middle:.0f} ms, {late:.0f} ms, {times[-1]:.0f} ms"
    print(f"{name}: {figures}", file=sys.stderr, flush=True)
    return [name, goal, figures if goal == "–" else verdict(figures, middle < GOAL_MS)]


@contextmanager
def training() -> Iterator[Patient]:
    """A run that is training and does not end during the measurement."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        make_home(place)
        steps = dict.fromkeys(("train__max_steps", "train__eval_every", "train__save_every"), 1_000_000)
        patient = begin(place.home, run__threads=CORES, train__batch_size=64, **steps)
        until(lambda: any(event["kind"] == "metric" for event in look(patient)), "The first step")
        try:
            yield patient
        finally:
            strike(patient, "supervisor")
            strike(patient, "trainer")


def raise_session(patient: Patient) -> None:
    """Reset the autogroup priority that the supervisor has set for its trainer's session."""
    supervisor = process(patient, "supervisor")
    assert supervisor is not None
    Path(f"/proc/{supervisor.pid}/autogroup").write_text("0")


@contextmanager
def burning(nice: int, autogroup: int) -> Iterator[None]:
    """Processes that compute, in a session of their own."""
    command = [sys.executable, "-c", BURN, str(nice), str(autogroup), str(BURNERS)]
    burner = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert burner.stdout is not None
    burner.stdout.readline()
    try:
        yield
    finally:
        os.killpg(burner.pid, 9)
        burner.wait()


def measure() -> list[float]:
    """Milliseconds for each key, in an app of its own."""
    with tempfile.TemporaryDirectory() as home, on_terminal(APP, PROMPTREC_HOME=home) as terminal:
        terminal.shows(b"No runs yet")
        terminal.settle(QUIET_SECONDS)
        return [press(terminal, b"3" if number % 2 else b"4") for number in range(KEYS)]


def press(terminal: Terminal, key: bytes) -> float:
    """Milliseconds until the first byte after a key."""
    start = time.perf_counter()
    os.write(terminal.side, key)
    select.select([terminal.side], [], [])
    passed = time.perf_counter() - start
    # The app draws something each second.
    terminal.settle(QUIET_SECONDS)
    return passed * 1000


def long_report(home: Path) -> list[str]:
    """The table of the long list, one row per kind of key."""
    load = os.getloadavg()[0]
    times = {f"{name}, alone": each for name, each in long_list(home).items()}
    with training():
        times |= {f"{name}, beside a run that trains": each for name, each in long_list(home).items()}
    rows = []
    for name, each in times.items():
        late = statistics.quantiles(each, n=100)[98]
        figures = f"{statistics.median(each):.0f} ms, {late:.0f} ms, {max(each):.0f} ms"
        met = statistics.median(each) < MEDIAN_MS and late < LATE_MS
        rows.append([f"{name} ({len(each)})", verdict(figures, met)])
    return [
        f"10,000 runs with 1,000,000 points, 80 by 24, to the end of the frame that shows what a key did; "
        f"{QUIET_SECONDS / 4} s of quiet between two keys. Goal: a median under {MEDIAN_MS} ms, 99 % under "
        f"{LATE_MS} ms. Load at the start {load:.1f} on {CORES} cores.",
        "",
        *table(["keys (how many)", "median, 99 %, worst"], rows),
    ]


def long_home(folder: Path) -> Path:
    """The home of 10,000 runs in a folder; made unless it is there."""
    home = folder.absolute() / "home"
    if not home.exists():
        script = Path(__file__).with_name("catalogue.py")
        command = [sys.executable, str(script), "--folder", str(folder), "--dry"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return home


def long_list(home: Path) -> dict[str, list[float]]:
    """Milliseconds for the keys of each kind, in a list of 10,000 runs and in the curve of one."""
    moves: list[float] = []
    letters: list[float] = []
    openings: list[float] = []
    curve: list[float] = []
    for kept in ("session.json", "last_list.json"):
        (home / kept).unlink(missing_ok=True)
    with on_terminal(APP, PROMPTREC_HOME=str(home)) as terminal:

        def key(sign: bytes, shows: str) -> float:
            passed = terminal.press(sign, shows.encode())
            terminal.settle(QUIET_SECONDS / 4)
            return passed

        terminal.shows(b"r00000")
        terminal.settle(QUIET_SECONDS)
        for _ in range(ROUNDS):
            moves += [key(b"j", f"r{number:05d}") for number in range(1, 41)]
            moves += [key(b"k", f"r{number:05d}") for number in range(39, -1, -1)]
        for _ in range(ROUNDS):
            key(b"/", "ords")
            key(b"r0", "r0")
            for _ in range(5):
                letters += [key(*each) for each in zip((b"1", b"2", b"3"), COUNTS, strict=True)]
                letters += [key(b"\x7f", count) for count in COUNTS[1::-1]]
                key(b"\x7f", "r0")
            key(b"\r", " help")
            openings.append(terminal.press(b"\r", b"One run"))
            terminal.shows(f"{key_for('curve.best')} best".encode())
            key(b"\x1b[D", "step 50")
            curve += [key(b"\x1b[D", f"step {step}") for step in range(49, 19, -1)]
            curve += [key(b"\x1b[C", f"step {step}") for step in range(21, 51)]
            key(b"\x1b", " help")
            os.write(terminal.side, b"\x1b")
            terminal.settle(QUIET_SECONDS)
    return {
        "up and down": moves,
        "letters of a filter": letters,
        "opening a run": openings,
        "a curve's cursor": curve,
    }


def main(arguments: Sequence[str]) -> None:
    """Measure each load, print; write the section of RESULTS.md on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the home of 10,000 runs is, or is to be made")
    parser.add_argument(
        "--long-only", action="store_true", help="leave out the small home; not to be published"
    )
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        home = long_home(options.folder or Path(temporary))
        lines = [] if options.long_only else [*report(), ""]
        text = section("Keys", CORES, [*lines, *long_report(home)])
    print(text)
    if options.publish:
        publish("Keys", text)


if __name__ == "__main__":
    main(sys.argv[1:])
