"""Races between apps, dispatchers and people (rows 19 and 32)."""

import subprocess
import sys
import time
from collections import Counter

from benchmarks.faults import fault_hooks
from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.moments import while_training
from benchmarks.faults.oracle import check_events, check_integrity, check_logs
from benchmarks.faults.places import BrokenError
from benchmarks.faults.run_under_test import (
    Patient,
    at_rest,
    begin,
    catalogue,
    look,
    until,
    wait_for_rest,
    wait_for_start,
)
from benchmarks.faults.stage import new_run
from benchmarks.faults.terminal import Terminal, open_app
from promptrec_tui.runs.folder import create_run, run_folders
from promptrec_tui.runs.queue import enqueue
from promptrec_tui.runs.requests import COMMANDS, request
from promptrec_tui.runs.states import TERMINAL, State
from promptrec_tui.runs.status import run_status
from promptrec_tui.runs.unanswered import settle
from promptrec_tui.workspace import new_runs

DISPATCHERS = 2
APPS = 2


def queue(case: Case) -> Tally:
    """Two apps and two dispatchers over a queue of stub runs, of which each must start once."""
    home = case.place.home
    with catalogue(home) as workspace:
        spec = new_runs.make_spec(workspace, new_run("run"))
    for number in range(case.blows):
        one = spec.model_copy(update={"id": f"r{number:03d}", "name": f"run {number}"})
        enqueue(create_run(home, one), device="cpu")
    with fault_hooks.plugged(case.place, fault_hooks.STUB.replace("STATE", "done")):
        apps = [open_app(case.place) for _ in range(APPS)]
        dispatchers = [_dispatcher() for _ in range(DISPATCHERS)]
        try:
            until(lambda: _all_done(case, apps), "The end of the queue", limit=1200)
        finally:
            for dispatcher in dispatchers:
                dispatcher.kill()
                dispatcher.wait()
            for app in apps:
                app.close()
    _check_starts(case, {(f"r{number:03d}", 1) for number in range(case.blows)})
    check_integrity(home.database)
    return Tally(case.blows, f"{case.blows} starts, 0 double")


def _all_done(case: Case, apps: list[Terminal]) -> bool:
    for app in apps:
        app.read()
        if not app.lives():
            raise BrokenError("An app ended during the race.")
    time.sleep(0.2)
    return all(run_status(folder).state == State.DONE for folder in run_folders(case.place.home))


def _dispatcher() -> "subprocess.Popen[bytes]":
    """A process that runs the dispatcher repeatedly."""
    code = (
        "import subprocess, sys\n"
        "while True: subprocess.run([sys.executable, '-m', 'promptrec_tui', 'run', 'dispatch'])"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)


def _check_starts(case: Case, wanted: set[tuple[str, int]]) -> None:
    lines = (case.place.folder / "starts").read_text().split("\n")[:-1]
    starts = Counter((name, int(attempt)) for name, attempt in (line.split() for line in lines))
    if double := [f"{name} attempt {attempt}" for (name, attempt), times in starts.items() if times > 1]:
        raise BrokenError(f"Started twice: {', '.join(double)}.")
    if set(starts) != wanted:
        raise BrokenError(f"{len(starts)} starts where {len(wanted)} were asked for.")


def resume_twice(case: Case) -> Tally:
    """Two people resume the same run at the same moment, repeatedly: one start each time."""
    with fault_hooks.plugged(case.place, fault_hooks.STUB.replace("STATE", "paused")):
        patient = begin(case.place.home)
        wait_for_rest(patient)
        hold = case.place.folder / "hold"
        command = [sys.executable, "-m", "promptrec_tui", "run", "resume", patient.folder.id]
        for attempt in range(2, case.blows + 2):
            hold.touch()
            both = [
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for _ in range(2)
            ]
            said = [one.communicate()[1] for one in both]
            if all(one.returncode for one in both) or "Traceback" in "".join(said):
                raise BrokenError(f"Neither could resume: {said}")
            patient.attempt = attempt
            wait_for_start(patient)
            hold.unlink()
            wait_for_rest(patient)
    _check_starts(case, {(patient.folder.id, number) for number in range(1, case.blows + 2)})
    return Tally(case.blows, f"{case.blows} starts, 0 double")


def storm(case: Case) -> Tally:
    """A hundred random requests to active runs: each is answered once, and each final state is valid."""
    asked, ends = 0, []
    while asked < case.blows:
        patient = begin(case.place.home, f"run-{len(ends) + 1}")
        count, state = _storm(case, patient, case.blows - asked)
        asked += count
        ends.append(state.value)
    return Tally(asked, f"{', '.join(ends)} in the end")


def _storm(case: Case, patient: Patient, most: int) -> tuple[int, State]:
    """Send up to that many requests to one run; the last ends it. Returns their number and the end."""
    while_training(patient, case.chance)
    asked: list[int] = []
    while len(asked) < most - 1 and not at_rest(patient):
        rare = case.chance.random() < 0.02
        asked.append(request(patient.folder, case.chance.choice(COMMANDS) if rare else "checkpoint"))
        time.sleep(case.chance.uniform(0, 0.05))
        look(patient)
    if not at_rest(patient):
        asked.append(request(patient.folder, case.chance.choice(("pause", "stop", "kill"))))
    status = wait_for_rest(patient)
    # As a command does that waits for its answer: the last request may have been written after the end.
    settle(patient.folder)
    look(patient)
    answers = Counter(event["control"] for event in patient.events if event["kind"] == "ack")
    if double := [number for number, times in answers.items() if times > 1]:
        raise BrokenError(f"Answered twice: requests {double[:5]}.")
    if open_ := sorted(set(asked) - set(answers)):
        raise BrokenError(
            f"{len(open_)} of {len(asked)} requests were never answered, the first is {open_[0]}."
        )
    if status.state not in TERMINAL:
        raise BrokenError(f"After the storm the run is {status.state.value}.")
    check_events(patient)
    check_logs(patient.folder.path)
    return len(asked), status.state
