"""Watches a command, or a run from `run start --wait` to its end: seconds, memory and gaps by phase."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from promptrec_tui.home import Home
from promptrec_tui.runs.attempts import Started
from promptrec_tui.runs.event_log import read_events
from promptrec_tui.runs.folder import RunFolder, run_folders
from promptrec_tui.runs.liveness import boottime, read_heartbeat
from promptrec_tui.typed import read

LOOK_SECONDS = 0.25
STARTING = "starting"
"""From the command to the first event: the command, the supervisor, the libraries."""


@dataclass(frozen=True)
class Spent:
    """What a command or a phase took. `silence`: the longest time in it without a sign of life, and `worked`
    the seconds of CPU in the one that had most: what it would be on a free machine of one core."""

    name: str
    seconds: float
    cpu: float
    peak_mb: float
    silence: float | None = None
    worked: float | None = None


@dataclass(frozen=True)
class _Look:
    """At `time`: CPU seconds of the trainer so far, its memory, and the time of its last progress."""

    time: float
    cpu: float
    memory: float
    progressed: float


def timed(name: str, home: Path, *words: str) -> tuple[Spent, Any]:
    """Run a command of promptrec; returns its costs and its output. Ends the benchmark if it fails."""
    began, peak = time.monotonic(), 0.0
    with tempfile.TemporaryFile("w+") as answer:
        process = _start(home, words, answer)
        # The kernel's own peak of a child begins with the size of its parent.
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            peak = max(peak, _memory(process.pid))
            time.sleep(LOOK_SECONDS / 5)
        _, status, usage = ended
        if status:
            sys.exit(f"promptrec {' '.join(words)} has failed")
        answer.seek(0)
        spent = usage.ru_utime + usage.ru_stime
        return Spent(name, time.monotonic() - began, spent, peak), json.load(answer)


def watched(home: Path, *words: str) -> tuple[list[Spent], Any]:
    """Run `run start … --wait` and watch its trainer; returns the costs of each phase and the run's document.

    A heartbeat tells every 5 seconds when the trainer last got on, so a silence is up to so much too long.
    """
    began, looks = time.time(), list[_Look]()
    known = {folder.id for folder in run_folders(Home(home))}
    process = _start(home, [*words, "--wait"], subprocess.PIPE)
    folder = None
    while process.poll() is None:
        time.sleep(LOOK_SECONDS)
        folder = folder or next((each for each in run_folders(Home(home)) if each.id not in known), None)
        if folder and (look := _look(folder)):
            looks.append(look)
    assert folder
    assert process.stdout
    return _phases(folder, began, looks), json.loads(process.stdout.read())


def _start(home: Path, words: Sequence[str], answer: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "promptrec_tui", *words, "--json"],
        env={**os.environ, "PROMPTREC_HOME": str(home)},
        stdout=answer,
        text=True,
    )


def _memory(pid: int) -> float:
    """MB that a process and its children hold."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 2**20
    return 0.0


def _look(folder: RunFolder) -> _Look | None:
    started = read(Started, folder.attempt(1).started)
    if not started or not started.trainer:
        return None
    with suppress(psutil.Error):
        process = psutil.Process(started.trainer.pid)
        cpu = process.cpu_times()
        heartbeat = read_heartbeat(folder)
        now = time.time()
        progressed = now - boottime() + heartbeat.progressed if heartbeat else 0.0
        return _Look(now, cpu.user + cpu.system, process.memory_info().rss / 2**20, progressed)
    return None


def _phases(folder: RunFolder, began: float, looks: Sequence[_Look]) -> list[Spent]:
    """The phases in the order of their first occurrence, with the total time of each."""
    events, _ = read_events(folder.events)
    changes = [(began, STARTING)]
    for event in events:
        if event["kind"] == "phase" and event["phase"] != changes[-1][1]:
            changes.append((event["time"], event["phase"]))
    end = max(event["time"] for event in events)
    spans = [
        (name, start, stop) for (start, name), (stop, _) in pairwise([*changes, (end, "")]) if stop > start
    ]
    signs = sorted({began, *(event["time"] for event in events), *(look.progressed for look in looks)} - {0})
    silences = list(pairwise(signs))
    times, cpus = [look.time for look in looks], [look.cpu for look in looks]

    def worked(start: float, stop: float) -> float:
        return float(np.diff(np.interp((start, stop), times, cpus))[0])

    return [
        Spent(
            name,
            sum(stop - start for start, stop in mine),
            sum(worked(*span) for span in mine),
            max((look.memory for look in looks if _within(look.time, mine)), default=0.0),
            max((stop - start for start, stop in silences if _within(start, mine)), default=0.0),
            max((worked(*silence) for silence in silences if _within(silence[0], mine)), default=0.0),
        )
        for name in dict.fromkeys(name for name, _, _ in spans)
        for mine in [[(start, stop) for each, start, stop in spans if each == name]]
    ]


def _within(moment: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(start <= moment < stop for start, stop in spans)
