"""How long the app takes to answer a key while others use all cores: `python benchmarks/key_latency.py`.

Processes compute in a session of their own, as a trainer does: as they are, with nice 10, and with nice 10
and the session's autogroup lowered too. Prints milliseconds from a key to the first byte that the app draws.
"""

import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time

KEYS = 60
BURNERS = 2 * (os.cpu_count() or 1)
LOADS = ("nothing else", "as they are", "nice 10", "nice 10 and autogroup 10")
BURN = """
import os, sys
if sys.argv[1] != "0":
    os.nice(10)
if sys.argv[1] == "2":
    from promptrec_tui.runs.supervisor import lower_autogroup
    lower_autogroup(10)
for _ in range(int(sys.argv[2]) - 1):
    if os.fork() == 0:
        break
print("ready", flush=True)
while True:
    pass
"""


def main() -> None:
    """Measure each load and print a table."""
    print(f"{'beside the app':<28}{'median ms':>10}{'95 %':>8}{'worst':>8}")
    for number, load in enumerate(LOADS):
        times = sorted(measure(number - 1))
        middle, late = statistics.median(times), times[int(0.95 * len(times))]
        print(f"{load:<28}{middle:>10.1f}{late:>8.1f}{times[-1]:>8.1f}")


def measure(kind: int) -> list[float]:
    """Milliseconds for each key, beside the burners of this kind; -1: beside none."""
    burner = None
    if kind >= 0:
        command = [sys.executable, "-c", BURN, str(kind), str(BURNERS)]
        burner = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert burner.stdout is not None
        burner.stdout.readline()
    with tempfile.TemporaryDirectory() as home:
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update({"PROMPTREC_HOME": home, "TERM": "xterm-256color"})
            os.execv(sys.executable, [sys.executable, "-m", "promptrec_tui"])
        try:
            drain(terminal, 8)
            return [press(terminal, b"3" if number % 2 else b"4") for number in range(KEYS)]
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(terminal)
            if burner:
                os.killpg(burner.pid, 9)
                burner.wait()


def press(terminal: int, key: bytes) -> float:
    """Milliseconds until the first byte after a key."""
    start = time.perf_counter()
    os.write(terminal, key)
    select.select([terminal], [], [], 10)
    passed = time.perf_counter() - start
    drain(terminal, 0.4)
    return passed * 1000


def drain(terminal: int, seconds: float) -> None:
    """Read what comes for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 1 << 16)


if __name__ == "__main__":
    main()
