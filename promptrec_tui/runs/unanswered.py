"""Requests that no trainer has answered: the process that may write the event log writes their `ack`."""

from functools import partial

from promptrec_tui.runs.disk import insist
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import AckEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.requests import unanswered
from promptrec_tui.runs.states import TERMINAL
from promptrec_tui.runs.status import run_status

BUSY = 10.0
"""Seconds to wait for a process that is queueing or starting the run."""


def answer_all(folder: RunFolder, attempt: int, result: str) -> None:
    """Acknowledge every open request to this attempt or an earlier one.

    For the supervisor, when no trainer is alive. Raises OSError when the disk is full.
    """
    if not (requests := unanswered(folder)):
        return
    with EventLog(folder, attempt) as events:
        for request in requests:
            insist(folder, partial(events.write, AckEvent(request.number, request.command, result)))


def settle(folder: RunFolder) -> None:
    """Acknowledge requests that came after a run had ended. Does nothing while it runs or is being started.

    While this process holds the queue's lock no attempt can start, so no other process writes events.
    """
    if run_status(folder).state not in TERMINAL or not unanswered(folder):
        return
    lock = take_lock(folder.queue_lock, BUSY)
    if lock is None:
        return
    try:
        status = run_status(folder)
        if status.state in TERMINAL:
            answer_all(folder, status.attempt, f"too late: the run was {status.state.value}")
    finally:
        lock.release()
