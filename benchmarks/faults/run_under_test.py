"""A run under test: started, watched, signalled and resumed as a person would."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.faults.places import BrokenError
from benchmarks.faults.stage import new_run
from promptrec_tui.files import read_json
from promptrec_tui.home import Home
from promptrec_tui.runs.checkpoints import MANIFEST
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Process, is_alive, lock_held
from promptrec_tui.runs.states import TERMINAL, State
from promptrec_tui.runs.status import Status, run_status
from promptrec_tui.workspace import new_runs, runs
from promptrec_tui.workspace.control import resume_run
from promptrec_tui.workspace.opening import Workspace, opened

LIMIT = 300.0
"""Seconds after which a condition counts as never met; enough for a slow machine."""

POLL = 0.002


@dataclass
class Patient:
    """`seen`: every complete line that was ever read from the run's events, as bytes."""

    folder: RunFolder
    seen: bytes = b""
    attempt: int = 1
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def home(self) -> Home:
        return self.folder.home


def until(holds: Callable[[], Any], event: str, limit: float = LIMIT) -> None:
    """Wait for a condition. Raises BrokenError that names it when it never comes."""
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise BrokenError(f"{event} never came in {limit:.0f} s.")
        time.sleep(0.02)


def begin(home: Home, name: str = "run", **changes: Any) -> Patient:
    """Start a run and wait for its first process."""
    with opened(home) as workspace:
        row = new_runs.start_run(workspace, new_run(name, **changes))
    patient = Patient(RunFolder(home.runs / row.id))
    wait_for_start(patient)
    return patient


def resume(patient: Patient) -> None:
    """Request the next attempt and wait for its first process."""
    with opened(patient.home) as workspace:
        resume_run(workspace, patient.folder.id)
    patient.attempt += 1
    wait_for_start(patient)


def wait_for_start(patient: Patient) -> None:
    """Wait until the attempt has a trainer, or a verdict why it has none."""
    place = patient.folder.attempt(patient.attempt)
    until(lambda: place.started.exists() or place.exit.exists(), f"The start of attempt {patient.attempt}")


def look(patient: Patient) -> list[dict[str, Any]]:
    """The new whole lines of the event log."""
    try:
        with open(patient.folder.events, "rb") as file:
            file.seek(len(patient.seen))
            data = file.read()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1]
    patient.seen += whole
    new = [json.loads(line) for line in whole.splitlines()]
    patient.events += new
    return new


def checkpoints(patient: Patient, published: bool = True) -> list[int]:
    """The steps of the checkpoints with a manifest (or without one), in increasing order."""
    steps = []
    for path in patient.folder.checkpoints.glob("checkpoint-*"):
        if (path / MANIFEST).exists() == published:
            steps.append(int(path.name.rpartition("-")[2]))
    return sorted(steps)


def at_rest(patient: Patient) -> bool:
    """Whether no process of the run is alive and its last attempt has ended."""
    return not lock_held(patient.folder.lock) and run_status(patient.folder).state in TERMINAL


def wait_for_rest(patient: Patient) -> Status:
    """Wait for the end of the attempt, reading its events meanwhile; how it ended."""

    def resting() -> bool:
        look(patient)
        return at_rest(patient)

    until(resting, f"The end of attempt {patient.attempt}")
    look(patient)
    return run_status(patient.folder)


def process(patient: Patient, name: str) -> Process | None:
    """The attempt's "trainer" or "supervisor" as recorded; None if it never started."""
    place = patient.folder.attempt(patient.attempt)
    record = read_json(place.started).get(name) if place.started.exists() else None
    return Process(**record) if record else None


def strike(patient: Patient, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
    """Send a signal to that process of the attempt; False when it has ended by itself."""
    victim = process(patient, name)
    if victim is None or not is_alive(victim):
        return False
    os.kill(victim.pid, number)
    return True


def trainers(patient: Patient) -> int:
    """The number of living trainers of this run."""
    count = 0
    for other in psutil.process_iter(["cmdline", "status"]):
        words = other.info["cmdline"] or []
        if "promptrec_tui.tuning.worker" in words and patient.folder.id in words:
            count += other.info["status"] != psutil.STATUS_ZOMBIE
    return count


@contextmanager
def catalogue(home: Home) -> Iterator[Workspace]:
    """The home's catalogue, updated from the folders."""
    with opened(home) as workspace:
        runs.refresh(workspace)
        yield workspace


def expect(status: Status, states: set[State], words: tuple[str, ...] = ()) -> None:
    """Raises BrokenError unless the run is in one of these states and its reason says one of these words."""
    if status.state not in states:
        wanted = " or ".join(sorted(states))
        raise BrokenError(f"The run is {status.state.value}, not {wanted}: {status.reason}")
    if words and not any(word in status.reason for word in words):
        raise BrokenError(f"The reason says nothing of {' or '.join(words)}: {status.reason}")
