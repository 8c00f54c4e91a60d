"""Conditions after every fault: nothing lost, nothing duplicated, nothing outside the home, the same bits."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.faults.places import BrokenError, Place
from benchmarks.faults.run_under_test import Patient, catalogue, look, trainers
from benchmarks.faults.stage import WEIGHTS, Twin
from promptrec_tui.files import read_json, sha256_file
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status

START_RUN = ("run", "start", "--name", "n", "--dataset", "shop", "--template", "list", "--model", "tiny")
"""A command that writes."""


def check_finished(place: Place, patient: Patient, twin: Twin) -> None:
    """Compare a run with its undisturbed twin. Raises BrokenError with the first difference."""
    status = run_status(patient.folder)
    if (status.state, status.reason) != (State.DONE, twin.reason):
        raise BrokenError(f"The run is {status.state.value}, not done as its twin: {status.reason}")
    if sha256_file(patient.folder.adapter / WEIGHTS) != twin.sha256:
        raise BrokenError("The adapter is not that of the twin.")
    if read_json(patient.folder.report)["metrics"] != twin.metrics:
        raise BrokenError("The test figures are not those of the twin.")
    check_events(patient)
    check_catalogue(place, patient)
    check_logs(patient.folder.path)
    check_surroundings(place)
    if trainers(patient):
        raise BrokenError("A trainer outlived its run.")
    shown = json.loads(command(place, "run", "show", patient.folder.id, "--json"))
    if (shown["state"], shown["reason"]) != ("done", twin.reason):
        raise BrokenError(f"`run show` says {shown['state']}: {shown['reason']}")
    if len(shown["attempts"]) != patient.attempt:
        raise BrokenError(
            f"There are {len(shown['attempts'])} attempts where {patient.attempt} were asked for."
        )


def check_events(patient: Patient) -> None:
    """Every line that was ever read still exists, and the numbers are 1, 2, 3, …"""
    look(patient)
    written = patient.folder.events.read_bytes()
    if not written.startswith(patient.seen):
        raise BrokenError("An event that was read before the blow is gone or changed.")
    numbers = [json.loads(line)["seq"] for line in written.splitlines()]
    if numbers != list(range(1, len(numbers) + 1)):
        raise BrokenError("The numbers of the events have gaps or doubles.")


def check_catalogue(place: Place, patient: Patient) -> None:
    """The catalogue is valid and contains each value of each event once."""
    with catalogue(place.home):
        pass
    check_integrity(place.home.database)
    measured = [
        (event["attempt"], event["seq"], name)
        for event in patient.events
        if event["kind"] == "metric"
        for name in event["values"]
    ]
    query = "SELECT attempt, seq, name FROM metric WHERE run_id = ?"
    with closing(sqlite3.connect(place.home.database)) as connection:
        stored = connection.execute(query, (patient.folder.id,)).fetchall()
    if sorted(stored) != sorted(measured):
        raise BrokenError(f"The catalogue has {len(stored)} figures, the events have {len(measured)}.")


def check_integrity(database: Path) -> None:
    """SQLite's own check says ok."""
    with closing(sqlite3.connect(database)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise BrokenError(f"integrity_check says: {verdict}")


def check_logs(folder: Path) -> None:
    """No attempt's log has a traceback."""
    for log in folder.glob("attempts/*/log"):
        if "Traceback" in log.read_text(errors="replace"):
            raise BrokenError(f"There is a traceback in the log of attempt {log.parent.name}.")


def check_surroundings(place: Place) -> None:
    """Nothing was written outside the home."""
    if outside := place.outside():
        raise BrokenError(f"Written outside the home: {', '.join(outside[:3])}")


def command(place: Place, *words: str, status: int = 0) -> str:
    """The output of `promptrec WORDS`: stdout if `status` is 0, else stderr.

    Raises BrokenError for another exit status or a traceback.
    """
    done = _run(place, *words)
    if done.returncode != status or "Traceback" in done.stderr:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise BrokenError(f"`promptrec {' '.join(words)}` ended with {done.returncode}: {said[-1]}")
    return done.stderr if status else done.stdout


def refusal(place: Place, *words: str) -> str:
    """The single sentence with which a failing command ends."""
    said = command(place, *words, status=1).strip()
    if len(said.splitlines()) != 1:
        raise BrokenError(f"`promptrec {' '.join(words)}` says more than one line: {said[:200]}")
    return said


def _run(place: Place, *words: str) -> "subprocess.CompletedProcess[str]":
    arguments: list[Any] = [sys.executable, "-m", "promptrec_tui", *words]
    return subprocess.run(
        arguments, env=place.environment(), capture_output=True, text=True, check=False, timeout=300
    )
