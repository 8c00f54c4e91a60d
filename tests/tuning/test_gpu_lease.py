"""A scorer has a GPU while no run wants it. No GPU is needed: a slot is a lock."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from promptrec_tui.home import Home
from promptrec_tui.runs.devices import devices_for, slot_path
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.launchers import environment
from promptrec_tui.runs.liveness import Lock, lock_held, take_lock
from promptrec_tui.runs.queue import enqueue
from promptrec_tui.runs.slots import Taken, take_slot
from promptrec_tui.runs.spec import RunSettings
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.tuning.gpu_lease import borrow, wanted
from tests.waiting import wait_for

BORROWER = """
import sys, threading
from promptrec_tui.home import find_home
from promptrec_tui.runs.spec import RunSettings
from promptrec_tui.tuning.gpu_lease import borrow, leave_when_wanted
home, busy = find_home(), threading.Lock()
setting, slot = borrow(home, RunSettings(device="cuda:9"))
with busy:
    leave_when_wanted(home, slot, busy)
    print(setting, flush=True)
    sys.stdin.readline()
threading.Event().wait()
"""


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `prepare` sets is taken back. No machine has ten GPUs."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_the_cpu_is_never_asked_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for setting in ("cpu", "auto"):
        assert borrow(home, RunSettings(device=setting))[1] is None
    assert not lock_held(slot_path(home, "cpu"))


def test_a_gpu_that_a_run_has_is_left_alone(home: Home) -> None:
    taken = take_lock(slot_path(home, "cuda:9"))
    assert taken
    assert borrow(home, RunSettings(device="cuda:9")) == ("cpu", None)
    taken.release()
    setting, slot = borrow(home, RunSettings(device="cuda:9"))
    assert setting == "cuda"
    assert slot
    assert lock_held(slot.path)
    slot.release()


def test_a_held_run_and_one_for_another_device_do_not_want_it(
    home: Home, new_run: Callable[..., RunFolder]
) -> None:
    slot = take_lock(slot_path(home, "cuda:9"))
    assert slot
    enqueue(new_run("held"), hold=True, device="cuda:9")
    enqueue(new_run("other"), device="cpu")
    assert not wanted(home, slot)
    enqueue(new_run("mine"), device="cuda:9")
    assert wanted(home, slot)
    slot.release()


def test_a_borrower_answers_and_then_makes_room_for_the_run(
    home: Home, new_run: Callable[..., RunFolder]
) -> None:
    (device,) = devices_for("cuda:9")
    borrower: Any = subprocess.Popen(
        [sys.executable, "-c", BORROWER],
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert borrower.stdout.readline() == "cuda\n"
        folder = new_run(run__device="cuda:9")
        enqueue(folder, device="cuda:9")
        time.sleep(3)
        assert borrower.poll() is None, "it is at an answer"
        assert isinstance(take_slot(home, device), Taken)
        borrower.stdin.write("\n")
        borrower.stdin.flush()
        assert borrower.wait() == 0
    finally:
        borrower.kill()
        borrower.wait()
    # The run goes ahead, and says itself that this machine has no GPU.
    wait_for(lambda: run_status(folder).state == State.FAILED)
    assert "There is no device" in run_status(folder).reason
    slot = wait_for(lambda: free if isinstance(free := take_slot(home, device), Lock) else None)
    slot.release()
