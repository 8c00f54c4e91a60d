"""The state of a run, read from its folder alone."""

import time
from dataclasses import dataclass

from promptrec_tui.runs.attempts import Verdict
from promptrec_tui.runs.event_log import finished_event
from promptrec_tui.runs.folder import AttemptFolder, RunFolder
from promptrec_tui.runs.liveness import boot_id, boottime, lock_held, read_heartbeat
from promptrec_tui.runs.queue import queue_entry
from promptrec_tui.runs.requests import requests
from promptrec_tui.runs.states import State
from promptrec_tui.typed import read

CLAIM_SECONDS = 30
"""A claim may take this long to become a process."""

SILENT_SECONDS = 60
"""A heartbeat comes every few seconds; one this old means a stopped or starved trainer."""

STUCK_SECONDS = 120
"""A trainer that beats but has not got on for this long is stalled."""


@dataclass(frozen=True)
class Status:
    """A run's state, why it is so, its last attempt (0: none yet), and whether it seems stuck."""

    state: State
    reason: str = ""
    attempt: int = 0
    stalled: bool = False


def run_status(folder: RunFolder) -> Status:
    """The state of a run. A few small reads, cheap enough for every run every second.

    A held lock decides first, then the queue, then the verdict of the last attempt. Without a verdict (the
    supervisor was killed) the trainer's `finished` event decides; without that the run is interrupted.
    """
    last = folder.last_attempt
    if last and lock_held(folder.lock):
        return _active(folder, folder.attempt(last))
    status = _at_rest(folder, last)
    # Between the reads another process may claim the run or start it: the answer would then describe the
    # attempt before, or miss the one that is running.
    moved = folder.last_attempt != last or (last and lock_held(folder.lock))
    return run_status(folder) if moved else status


def _at_rest(folder: RunFolder, last: int) -> Status:
    """The state of a run whose last attempt has no process."""
    attempt = folder.attempt(last)
    if entry := queue_entry(folder):
        return Status(State.QUEUED, "held" if entry.hold else entry.reason, last)
    if not last:
        return Status(State.DRAFT)
    if verdict := read(Verdict, attempt.exit):
        return Status(verdict.state, verdict.reason, last)
    if not attempt.started.exists() and _age(attempt) < CLAIM_SECONDS:
        return Status(State.STARTING, attempt=last)
    if finished := finished_event(folder.events, last):
        return Status(finished.state, finished.reason or "", last)
    how = "ended without a verdict: it was killed" if attempt.started.exists() else "never started"
    return Status(State.INTERRUPTED, f"Attempt {last} {how}.", last)


def _active(folder: RunFolder, attempt: AttemptFolder) -> Status:
    asked = {request.command for request in requests(folder, attempt.number)}
    if asked & {"stop", "kill"}:
        state = State.STOPPING
    elif "pause" in asked:
        state = State.PAUSING
    else:
        state = State.RUNNING if attempt.started.exists() else State.STARTING
    return Status(state, attempt=attempt.number, stalled=_stalled(folder, attempt.number))


def _stalled(folder: RunFolder, attempt: int) -> bool:
    heartbeat = read_heartbeat(folder)
    if heartbeat is None or heartbeat.attempt != attempt or heartbeat.boot != boot_id():
        return False
    now = boottime()
    return now - heartbeat.beat > SILENT_SECONDS or now - heartbeat.progressed > STUCK_SECONDS


def _age(attempt: AttemptFolder) -> float:
    """Seconds since the claim, by the wall clock: a wrong one only moves the end of a short grace."""
    try:
        return abs(time.time() - attempt.path.stat().st_mtime)
    except OSError:
        return 0.0
