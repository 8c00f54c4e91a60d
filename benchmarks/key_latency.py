"""The time from a key to the app's response while other processes use all cores.

    python benchmarks/key_latency.py [--publish]

Measured from a key to the first byte that the app draws: beside nothing, beside a run that trains, as it is
and with the weight of its session put back, and beside processes that do nothing but compute.
"""

import argparse
import os
import pty
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

from benchmarks.faults.places import Place
from benchmarks.faults.run_under_test import Patient, begin, look, process, strike, until
from benchmarks.faults.stage import make_home

KEYS = 60
GOAL_MS = 100
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
    with tempfile.TemporaryDirectory() as home:
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update({"PROMPTREC_HOME": home, "TERM": "xterm-256color"})
            os.execv(sys.executable, [sys.executable, "-m", "promptrec_tui"])
        try:
            seen = b""
            while b"No runs yet" not in seen:
                seen += os.read(terminal, 1 << 16)
            drain(terminal)
            return [press(terminal, b"3" if number % 2 else b"4") for number in range(KEYS)]
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(terminal)


def press(terminal: int, key: bytes) -> float:
    """Milliseconds until the first byte after a key."""
    start = time.perf_counter()
    os.write(terminal, key)
    select.select([terminal], [], [])
    passed = time.perf_counter() - start
    drain(terminal)
    return passed * 1000


def drain(terminal: int) -> None:
    """Read until there is no output for a while; the app draws something each second."""
    while select.select([terminal], [], [], QUIET_SECONDS)[0]:
        os.read(terminal, 1 << 16)


def main(arguments: Sequence[str]) -> None:
    """Measure each load, print; write the section of RESULTS.md on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)
    text = section("Keys", CORES, report())
    print(text)
    if options.publish:
        publish("Keys", text)


if __name__ == "__main__":
    main(sys.argv[1:])
