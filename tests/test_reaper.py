"""The tests' own means: what a test starts ends with it, and waits do not ask how busy a machine is."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.processes import lives
from tests.waiting import Clock, wait_for

ROOT = Path(__file__).parents[1]

TESTS = """
import os, subprocess, sys, time
from pathlib import Path
from tests.processes import lives

DETACHED = '''
import subprocess
nothing = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
print(subprocess.Popen(["sleep", "3600"], start_new_session=True, **nothing).pid)
'''
PIDS = Path(__file__).with_name("pids")

def test_one(tmp_path):
    # As a run is started: who started it is gone, and it goes on as nobody's child.
    home = {**os.environ, "PROMPTREC_HOME": f"{tmp_path}/home"}
    detached = subprocess.run([sys.executable, "-c", DETACHED], env=home, capture_output=True, text=True)
    child = subprocess.Popen(["sleep", "3600"])
    PIDS.with_name("draft").write_text(f"{detached.stdout} {child.pid}")
    PIDS.with_name("draft").rename(PIDS)
    END

def test_another():
    detached, child = map(int, PIDS.read_text().split())
    assert not lives(detached)
"""


def start(folder: Path, end: str, *options: str) -> "subprocess.Popen[str]":
    """A session of pytest over `TESTS` under the suite's own reaper."""
    (folder / "test_it.py").write_text(TESTS.replace("END", end))
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "tests.reaper", *options]
    places = [f"--rootdir={folder}", f"--basetemp={folder / 'inner'}", str(folder / "test_it.py")]
    return subprocess.Popen([*command, *places], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def left(folder: Path) -> list[int]:
    """The processes that the first test started and that still live."""
    return [pid for pid in map(int, (folder / "pids").read_text().split()) if lives(pid)]


def test_a_test_that_fails_takes_its_processes_with_it(tmp_path: Path) -> None:
    output, _ = start(tmp_path, "assert False").communicate()
    assert "1 failed, 1 passed" in output
    assert not left(tmp_path)


@pytest.mark.parametrize("workers", [[], ["--numprocesses=1"]])
def test_a_session_that_is_ended_takes_them_with_it(tmp_path: Path, workers: list[str]) -> None:
    session = start(tmp_path, "time.sleep(3600)", *workers)
    wait_for((tmp_path / "pids").exists)
    session.send_signal(signal.SIGTERM)
    session.communicate()
    assert not left(tmp_path)


BUSY = "print(flush=True)\nwhile True: pass"


def test_the_clock_stands_while_a_core_is_wanted() -> None:
    cores = len(psutil.Process().cpu_affinity())
    crowd = [subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) for _ in range(4 * cores)]
    for process in crowd:
        assert process.stdout
        process.stdout.readline()
    clock, start = Clock(), time.monotonic()
    while time.monotonic() < start + 2:
        time.sleep(0.05)
        passed = clock.seconds()
    assert passed < 1
    for process in crowd:
        process.kill()
        process.communicate()


def test_the_clock_goes_on_while_all_are_asleep() -> None:
    child = subprocess.Popen(["sleep", "3600"])
    clock, start = Clock(), time.monotonic()
    while clock.seconds() < 0.5:
        time.sleep(0.05)
    assert time.monotonic() >= start + 0.5
    child.kill()
    child.wait()


def test_the_clock_goes_on_beside_a_thread_that_has_a_core() -> None:
    """Its wait does not grow, and its state is the same as if it wanted one."""
    busy = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    clock, start = Clock(), time.monotonic()
    while clock.seconds() < 0.5 and time.monotonic() < start + 60:
        time.sleep(0.05)
    busy.kill()
    busy.communicate()
    assert clock.seconds() >= 0.5
