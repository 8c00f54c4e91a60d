"""Real dispatchers over real supervisors and trainers; only the tuning itself is a stub."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from resource import RLIMIT_FSIZE, setrlimit

import pytest

from promptrec_tui.files import read_json, write_json
from promptrec_tui.runs import devices, launchers, slots
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.gpus import GIB, Gpu
from promptrec_tui.runs.launchers import Detached, dispatch_command
from promptrec_tui.runs.liveness import lock_held, take_lock
from promptrec_tui.runs.queue import (
    change,
    claim,
    claimed_device,
    claimed_devices,
    enqueue,
    queue_entry,
    withdraw,
)
from promptrec_tui.runs.requests import request
from promptrec_tui.runs.slots import holds_queue
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.workspace import dispatch as dispatch_module
from promptrec_tui.workspace.dispatch import dispatch

COUNTED = """
import os, time
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Outcome

def fine_tune(folder, device, journal, desk):
    with open(folder.home.root / "starts", "a") as starts:
        starts.write(f"{folder.id}\\n")
    os.mkdir(folder.home.root / "at-work")
    time.sleep(0.05)
    os.rmdir(folder.home.root / "at-work")
    return Outcome(State.DONE, "", 0)
"""

PATIENT = """
import time
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Outcome

def fine_tune(folder, device, journal, desk):
    print("shown", device, __import__("os").environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    while not (folder.path / "go").exists() and not desk.cancelled():
        time.sleep(0.02)
    word = "paused" if desk.ending else (folder.path / "go").read_text()
    return Outcome(State(word), "so it was told", 0)
"""

BUSY_GPUS = """
import os
from types import SimpleNamespace as Bag
class NVMLError(Exception): pass
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetUUID(index): return f"GPU-{index}"
def nvmlDeviceGetMemoryInfo(index):
    return Bag(total=80 << 30, free=int(os.environ["FREE"].split()[index]) << 30)
def nvmlDeviceGetComputeRunningProcesses(index): return []
"""


def state(run):
    return run_status(run).state


def reason(run):
    return run_status(run).reason


def finish(run, word):
    (run.path / "draft").write_text(word)
    (run.path / "draft").rename(run.path / "go")


@pytest.fixture
def ended(wait_for):
    """Take back what still waits, kill what goes, and wait until nothing of the runs lives."""
    runs = []
    yield runs.append
    for run in runs:
        withdraw(run)
    for run in runs:
        if run.last_attempt:
            request(run, "kill")
            request(run, "kill")
    wait_for(lambda: not any(lock_held(run.lock) for run in runs))


def test_two_dispatchers_start_five_runs_once_and_one_at_a_time(home, make_run, stub_recipe, wait_for):
    """Nobody but the supervisors moves the queue on."""
    stub_recipe(COUNTED)
    runs = [make_run(f"r{number:02d}") for number in range(5)]
    for run in runs:
        enqueue(run, device="cpu")
    for dispatcher in [subprocess.Popen(dispatch_command()) for _ in range(2)]:
        assert dispatcher.wait() == 0
    for run in runs:  # one after the other: each is progress
        wait_for(run.attempt(1).exit.exists)
    assert [read_json(run.attempt(1).exit)["state"] for run in runs] == ["done"] * 5
    assert (home.root / "starts").read_text().split() == [run.id for run in runs]
    assert [run.attempts() for run in runs] == [[1]] * 5


def test_who_waits_is_told_for_what(home, make_run, stub_recipe, wait_for, ended):
    stub_recipe(PATIENT)
    first, second, third, held = (make_run(name) for name in ("r1", "r2", "r3", "r4"))
    for run in (first, second, third):
        enqueue(run, device="cpu")
    enqueue(held, device="cpu", hold=True)
    ended(first)
    ended(second)
    assert dispatch(home) == ["r1"]
    assert reason(second) == "waits for run run r1 on the CPU"
    assert reason(third) == "waits behind run run r2"
    assert reason(held) == "held"
    change(third, priority=1)
    assert reason(third) == ""
    assert dispatch(home) == []
    assert reason(third) == "waits for run run r1 on the CPU"
    assert reason(second) == "waits behind run run r3"
    finish(first, "done")
    wait_for(lambda: state(third) == State.RUNNING)
    wait_for(lambda: reason(second) == "waits for run run r3 on the CPU")
    ended(third)


def test_a_failure_may_stop_the_queue_until_somebody_lets_it_go(home, make_run, stub_recipe, wait_for, ended):
    stub_recipe(PATIENT)
    first, second = make_run("r1"), make_run("r2")
    enqueue(first, device="cpu", continue_after_failure=False)
    enqueue(second, device="cpu")
    ended(second)
    assert dispatch(home) == ["r1"]
    finish(first, "failed")
    wait_for(lambda: "failed and holds the queue" in reason(second))
    assert "promptrec run release r1" in reason(second)
    assert state(first) == State.FAILED
    assert holds_queue(first)
    assert dispatch(home) == []
    change(first, claimed_too=True, continue_after_failure=True)
    assert dispatch(home) == ["r2"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_queue_goes_on_when_a_supervisor_is_killed(home, make_run, stub_recipe, wait_for, ended):
    stub_recipe(PATIENT)
    first, second = make_run("r1"), make_run("r2")
    for run in (first, second):
        enqueue(run, device="cpu")
        ended(run)
    dispatch(home)
    wait_for(lambda: first.attempt(1).started.exists() and b"shown" in first.attempt(1).log.read_bytes())
    os.kill(read_json(first.attempt(1).started)["supervisor"]["pid"], signal.SIGKILL)
    wait_for(lambda: state(second) == State.RUNNING)
    assert state(first) == State.PAUSED


@pytest.mark.parametrize("way", ["resumed", "deleted"])
def test_a_failed_run_that_is_resumed_or_gone_holds_nothing(home, make_run, way):
    first, second = make_run("r1"), make_run("r2")
    enqueue(first, device="cpu", continue_after_failure=False)
    slot = take_lock(slot_path(home, "cpu"))
    assert claim(first, [slot]) == 1
    slot.release()
    write_json(first.attempt(1).exit, {"state": "failed", "reason": "broke"})
    assert holds_queue(first)
    if way == "deleted":
        first.path.rename(home.root / "elsewhere")
    else:
        assert not enqueue(first, device="cpu", hold=True).continue_after_failure
    assert not holds_queue(first)
    enqueue(second, device="cpu")
    survivor = take_lock(second.lock)
    assert dispatch(home) == []
    assert queue_entry(second).reason == "waits for the end of its last attempt"
    survivor.release()


def test_a_slot_in_strange_hands_is_told(home, run):
    enqueue(run, device="cpu")
    slot = take_lock(slot_path(home, "cpu"))
    assert dispatch(home) == []
    slot.release()
    assert reason(run) == "waits for the CPU, which another program holds"


def test_a_run_that_cannot_be_started_does_not_stop_the_others(home, make_run, monkeypatch):
    first, second = make_run("r1"), make_run("r2")
    for run in (first, second):
        enqueue(run, device="cpu")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert dispatch(home) == ["r1", "r2"]
    assert state(first) == state(second) == State.INTERRUPTED
    assert "No such file" in reason(first)


def test_a_full_disk_leaves_the_queue_as_it_is(home, run, stub_recipe, ended):
    """A limit of no byte for every file stands in for it."""
    stub_recipe(PATIENT)
    enqueue(run, device="cpu")
    ended(run)
    subprocess.run(dispatch_command(), check=True, preexec_fn=lambda: setrlimit(RLIMIT_FSIZE, (0, 0)))
    assert run_status(run).state == State.QUEUED
    assert run.attempts() == []
    assert dispatch(home) == [run.id]


def dispatch_with_gpus(folder: Path, free: str) -> None:
    (folder / "plug" / "pynvml.py").write_text(BUSY_GPUS)
    surroundings = {**os.environ, "FREE": free}
    subprocess.run(dispatch_command(), env=surroundings, check=True)


def test_the_first_gpu_with_room_is_taken_and_shown_to_the_trainer(
    home, make_run, stub_recipe, wait_for, tmp_path, monkeypatch, ended
):
    stub_recipe(PATIENT)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    model = tmp_path / "model"
    model.mkdir()
    with open(model / "model.safetensors", "wb") as weights:
        weights.truncate(12 * GIB)
    large, small = make_run("r1"), make_run("r2")
    spec = read_json(large.spec_file)
    spec["model"]["folder"] = str(model)
    write_json(large.spec_file, spec)
    enqueue(large, device="auto")
    dispatch_with_gpus(tmp_path, "19 10")
    assert reason(large) == (
        "waits for GPU 0: 61 GiB are used by another program, and about 20 GiB are needed; "
        "waits for GPU 1: 70 GiB are used by another program, and about 20 GiB are needed"
    )
    enqueue(small, device="auto")
    ended(small)
    ended(large)
    dispatch_with_gpus(tmp_path, "19 10")
    assert claimed_device(small.attempt(1)) == "GPU-0"
    assert state(large) == State.QUEUED
    dispatch_with_gpus(tmp_path, "19 30")
    assert claimed_device(large.attempt(1)) == "GPU-1"
    for run, gpu in ((small, "GPU-0"), (large, "GPU-1")):
        wait_for(lambda run=run: b"\n" in run.attempt(1).log.read_bytes())
        assert run.attempt(1).log.read_text().startswith(f"shown auto {gpu}")
        assert lock_held(slot_path(home, gpu))


TWO_EACH = """
from promptrec_tui.runs import launchers
launchers.choose_launcher = lambda: launchers.Detached(slots=2)
"""

THREE_GPUS = BUSY_GPUS.replace("return 2", "return 3").replace('os.environ["FREE"].split()[index]', "80")

EXCLUSIVE = """
import os, time
from promptrec_tui.runs.queue import claimed_devices
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Outcome

def fine_tune(folder, device, journal, desk):
    devices = claimed_devices(folder.attempt(journal.attempt))
    for name in devices:
        os.mkdir(folder.home.root / f"at-work-{name}")
    time.sleep(0.05)
    for name in devices:
        os.rmdir(folder.home.root / f"at-work-{name}")
    return Outcome(State.DONE, " ".join(devices), 0)
"""


def test_runs_that_take_two_devices_each_never_share_one_nor_wait_for_ever(
    home, make_run, stub_recipe, wait_for, tmp_path, monkeypatch
):
    """Of three GPUs; every dispatcher, those of the supervisors too, takes two at once."""
    stub_recipe(EXCLUSIVE)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "plug" / "pynvml.py").write_text(THREE_GPUS)
    with open(tmp_path / "plug" / "sitecustomize.py", "a") as plug:
        plug.write(TWO_EACH)
    runs = [make_run(f"r{number}") for number in range(4)]
    for run in runs:
        enqueue(run, device="auto")
    for dispatcher in [subprocess.Popen(dispatch_command()) for _ in range(3)]:
        assert dispatcher.wait() == 0
    for run in runs:  # one after the other: each is progress
        wait_for(run.attempt(1).exit.exists)
    gpus = {"GPU-0", "GPU-1", "GPU-2"}
    for run in runs:
        assert run.attempts() == [1]
        verdict = read_json(run.attempt(1).exit)
        assert verdict["state"] == "done", verdict
        assert len(gpus & set(verdict["reason"].split())) == 2
    wait_for(lambda: not any(lock_held(slot_path(home, gpu)) for gpu in gpus))


@pytest.fixture
def two_gpus(monkeypatch):
    """Two GPUs; the launchers of the runs that are looked at, in order, can be chosen."""
    launchers_of: list[Detached] = []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for module in (devices, dispatch_module):
        monkeypatch.setattr(module, "installed_gpus", lambda: [Gpu(0, "GPU-0"), Gpu(1, "GPU-1")])
    monkeypatch.setattr(dispatch_module, "choose_launcher", lambda: launchers_of.pop(0))
    return launchers_of


def test_a_run_that_takes_two_devices_is_not_overtaken(home, make_run, two_gpus, monkeypatch):
    monkeypatch.setattr(slots, "LOOK_SECONDS", 0)
    first, second = make_run("r1"), make_run("r2")
    for run in (first, second):
        enqueue(run, device="auto")
    other = take_lock(slot_path(home, "GPU-1"))
    two_gpus += [Detached(slots=2), Detached(slots=1)]
    assert dispatch(home) == []
    assert reason(first) == "waits for GPU 1, which another program holds; needs 2 devices at once"
    assert reason(second) == "waits behind run run r1"
    assert not lock_held(slot_path(home, "GPU-0"))
    assert first.attempts() == []
    other.release()


def test_two_devices_are_held_and_released_together(home, run, two_gpus, stub_recipe, wait_for, ended):
    stub_recipe(PATIENT)
    enqueue(run, device="auto")
    ended(run)
    two_gpus += [Detached(slots=2)]
    assert dispatch(home) == ["r1"]
    wait_for(lambda: state(run) == State.RUNNING)
    assert [lock_held(slot_path(home, gpu)) for gpu in ("GPU-0", "GPU-1")] == [True, True]
    assert claimed_devices(run.attempt(1)) == ("GPU-0", "GPU-1")
    finish(run, "done")
    wait_for(lambda: state(run) == State.DONE)
    wait_for(lambda: not any(lock_held(slot_path(home, gpu)) for gpu in ("GPU-0", "GPU-1")))


SYSTEMD_RUN = """#!{python} -IS
import json, os, subprocess, sys
words = iter(sys.argv[1:])
names = []
for word in words:
    if not word.startswith("--"):
        break
    if word.startswith("--setenv="):
        names.append(word.removeprefix("--setenv="))
command = [word, *words]
with open("{seen}", "w") as seen:
    json.dump(sys.argv[1:], seen)
if os.path.exists("{refusal}"):
    sys.exit("Failed to connect to bus")
surroundings = {{"PATH": "/usr/bin", **{{name: os.environ[name] for name in names}}}}
subprocess.Popen(
    command, env=surroundings, cwd="/", start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
"""


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """A service manager that lingers: its `systemd-run` starts what it is asked to, with what it is given."""
    tool = tmp_path / "bin" / "systemd-run"
    tool.parent.mkdir()
    seen, refusal = tmp_path / "seen", tmp_path / "refusal"
    tool.write_text(SYSTEMD_RUN.format(python=sys.executable, seen=seen, refusal=refusal))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "runtime" / "systemd").mkdir(parents=True)
    (tmp_path / "runtime" / "systemd" / "private").touch()
    facts = launchers.login_facts()
    assert facts.manager
    monkeypatch.setattr(launchers, "login_facts", lambda: replace(facts, linger=True))
    return seen, refusal


def test_a_unit_takes_its_locks_itself(home, make_run, stub_recipe, wait_for, manager, monkeypatch, ended):
    stub_recipe(PATIENT)
    monkeypatch.setenv("CUDA_API_KEY", "hush")
    first, second = make_run("r1"), make_run("r2")
    for run in (first, second):
        enqueue(run, device="cpu")
        ended(run)
    assert dispatch(home) == ["r1"]
    assert reason(second) == "waits for run run r1 on the CPU"
    wait_for(lambda: lock_held(first.lock) and lock_held(slot_path(home, "cpu")))
    seen = json.loads(manager[0].read_text())
    assert {"--user", "--collect", "--unit=promptrec-r1-1", "--property=KillMode=process"} <= set(seen)
    assert "--setenv=PROMPTREC_HOME" in seen
    assert not any(word in " ".join(seen) for word in ("hush", "CUDA_API_KEY", str(home.root)))
    assert dispatch(home) == []
    finish(first, "done")
    wait_for(lambda: state(second) == State.RUNNING)
    assert state(first) == State.DONE


def test_a_manager_that_refuses_is_done_without(home, run, stub_recipe, wait_for, manager, ended):
    stub_recipe(PATIENT)
    manager[1].touch()
    enqueue(run, device="cpu")
    ended(run)
    assert dispatch(home) == ["r1"]
    wait_for(lambda: state(run) == State.RUNNING)
    assert lock_held(slot_path(home, "cpu"))


def test_no_second_run_in_the_moment_of_handing_over(home, make_run):
    """The supervisor has its run's lock, the dispatcher has given the slot's up, and nobody has that yet."""
    first, second = make_run("r1"), make_run("r2")
    enqueue(first, device="cpu")
    slot = take_lock(slot_path(home, "cpu"))
    assert claim(first, [slot]) == 1
    supervisor = take_lock(first.lock)
    slot.release()
    enqueue(second, device="cpu")
    assert dispatch(home) == []
    assert reason(second) == "waits for run run r1 on the CPU"
    supervisor.release()
