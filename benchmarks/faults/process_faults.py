"""Faults of a trainer: memory, clocks, NaN, SIGSTOP, a reboot (rows 8 and 20 to 25)."""

import os
import shutil
import signal
import subprocess
import sys
import time

from benchmarks.faults import fault_hooks
from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.moments import while_training
from benchmarks.faults.oracle import check_finished, check_logs
from benchmarks.faults.places import BrokenError
from benchmarks.faults.run_under_test import (
    Patient,
    begin,
    checkpoints,
    expect,
    look,
    resume,
    strike,
    until,
    wait_for_rest,
)
from promptrec_tui.files import read_json, write_json
from promptrec_tui.runs.checkpoints import checkpoint_path, newest_verified
from promptrec_tui.runs.states import ACTIVE, State
from promptrec_tui.runs.status import run_status


def gpu_memory(case: Case) -> Tally:
    """The error that torch raises when a GPU is full; resumed without it, the run ends like its twin."""
    return _out_of_memory(case, fault_hooks.OUT_OF_GPU_MEMORY)


def host_memory(case: Case) -> Tally:
    """The system refuses more memory."""
    return _out_of_memory(case, fault_hooks.OUT_OF_MEMORY)


def _out_of_memory(case: Case, fault: str) -> Tally:
    step = case.chance.randint(8, 30)
    with fault_hooks.plugged(case.place, fault_hooks.at_step(step, fault)):
        patient = begin(case.place.home)
        status = wait_for_rest(patient)
    expect(status, {State.FAILED}, ("memory",))
    if newest_verified(patient.folder) is None:
        raise BrokenError("The last checkpoint is lost.")
    resume(patient)
    wait_for_rest(patient)
    (patient.folder.attempt(1).log).unlink()  # the traceback belongs there
    check_finished(case.place, patient, case.twin)
    return Tally(1, status.reason)


def leaping_clock(case: Case) -> Tally:
    """The trainer's wall clock jumps by days: the run is shown as neither dead nor stalled."""
    with fault_hooks.plugged(case.place, fault_hooks.CLOCK):
        patient = begin(case.place.home)
        until(lambda: _looked_well(patient), "The end")
    check_finished(case.place, patient, case.twin)
    return Tally(1)


def _looked_well(patient: Patient) -> bool:
    look(patient)
    status = run_status(patient.folder)
    if status.stalled or status.state not in {*ACTIVE, State.DONE}:
        raise BrokenError(f"The run looks {status.state.value}{', stalled' * status.stalled}.")
    return status.state == State.DONE


def not_a_number(case: Case) -> Tally:
    """A learning rate that makes the weights diverge."""
    patient = begin(case.place.home, train__learning_rate=1e30, train__max_grad_norm=0.0)
    status = wait_for_rest(patient)
    expect(status, {State.FAILED}, ("not a number", "NaN"))
    metrics = [event["values"] for event in patient.events if event["kind"] == "metric"]
    losses = [values["train_loss"] for values in metrics if "train_loss" in values]
    if 0.0 in losses or None not in losses:
        raise BrokenError(f"The curve hides what is no number: {losses}")
    check_logs(patient.folder.path)
    return Tally(1, status.reason)


def stopped(case: Case) -> Tally:
    """SIGSTOP: the run is shown as stalled and nothing is killed; after SIGCONT it continues."""
    patient = begin(case.place.home)
    while_training(patient, case.chance)
    strike(patient, "trainer", signal.SIGSTOP)
    until(lambda: run_status(patient.folder).stalled, "The badge")
    expect(run_status(patient.folder), {State.RUNNING})
    strike(patient, "trainer", signal.SIGCONT)
    until(lambda: not run_status(patient.folder).stalled, "The end of the badge")
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    return Tally(1)


def reboot(case: Case) -> Tally:
    """The machine restarts at a random moment, and the newest checkpoint's files are empty."""
    patient = begin(case.place.home)
    until(lambda: len(checkpoints(patient)) > 1, "Two checkpoints")
    time.sleep(case.chance.uniform(0, 1))
    # All processes are stopped, so that the copy is the state of a disk at one moment.
    for name in ("supervisor", "trainer"):
        strike(patient, name, signal.SIGSTOP)
    look(patient)
    copy = case.place.folder / "after-reboot"
    shutil.copytree(case.place.home.root, copy)
    for name in ("supervisor", "trainer"):
        strike(patient, name)
    wait_for_rest(patient)
    shutil.rmtree(case.place.home.root)
    copy.rename(case.place.home.root)
    _forget_boot(patient)
    for path in checkpoint_path(patient.folder, checkpoints(patient)[-1]).iterdir():
        path.write_bytes(b"")
    status = run_status(patient.folder)
    expect(status, {State.INTERRUPTED})
    resume(patient)
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    return Tally(1, status.reason)


def _forget_boot(patient: Patient) -> None:
    """Write another boot id into all files that contain one."""
    place = patient.folder.attempt(patient.attempt)
    started = read_json(place.started)
    for name in ("supervisor", "trainer"):
        started[name]["boot"] = "another"
    write_json(place.started, started)
    write_json(patient.folder.heartbeat, {**read_json(patient.folder.heartbeat), "boot": "another"})


def reused_pid(case: Case) -> Tally:
    """The trainer's pid now belongs to another process, which must not get a signal."""
    patient = begin(case.place.home)
    while_training(patient, case.chance)
    for name in ("supervisor", "trainer"):
        strike(patient, name)
    wait_for_rest(patient)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        started = patient.folder.attempt(1).started
        written = read_json(started)
        for name in ("supervisor", "trainer"):
            written[name]["pid"] = other.pid
        write_json(started, written)
        expect(run_status(patient.folder), {State.INTERRUPTED, State.PAUSED})
        resume(patient)
        wait_for_rest(patient)
        if other.poll() is not None:
            raise BrokenError(f"The other process was ended: {other.returncode}.")
    finally:
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()
    check_finished(case.place, patient, case.twin)
    return Tally(1)
