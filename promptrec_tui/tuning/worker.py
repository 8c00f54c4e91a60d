"""The trainer's process: `python -m promptrec_tui.tuning.worker RUN_ID ATTEMPT`.

Its output is the attempt's log. Every outcome ends in a `finished` event with one sentence; a traceback goes
to the log only. Exit status 0 for done, stopped and paused, 1 for failed, 75 when it pauses for a full disk.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module

from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.runs.diagnosis import PAUSED_FOR_ROOM, explain
from promptrec_tui.runs.disk import DiskFullError, full_sentence, insist, is_full, room_needed
from promptrec_tui.runs.events import FinishedEvent
from promptrec_tui.runs.folder import RunFolder, find
from promptrec_tui.runs.launchers import become_dispatcher
from promptrec_tui.runs.liveness import identify, is_alive
from promptrec_tui.runs.phases import LIBRARIES
from promptrec_tui.runs.queue import claimed_device
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.devices import prepare
from promptrec_tui.tuning.journal import Journal, Outcome
from promptrec_tui.tuning.requests import RequestInbox


def work(folder: RunFolder, attempt: int) -> Outcome:
    """Execute one attempt of a run and record how it ended.

    Raises OSError when the event log cannot be opened.
    """
    with Journal(folder, attempt) as journal, journal.heartbeat():
        inbox = RequestInbox(journal)
        inbox.take_signals()
        outcome = _outcome(folder, journal, inbox)
        # On a full disk the exit status carries this, and the supervisor answers open requests.
        with suppress(OSError):
            insist(folder, partial(inbox.answer, outcome.state.value))
            insist(folder, partial(_finish, journal, outcome))
    return outcome


def _finish(journal: Journal, outcome: Outcome) -> None:
    journal.write(FinishedEvent(outcome.state, outcome.reason, outcome.step, outcome.remedy or None))


def _outcome(folder: RunFolder, journal: Journal, inbox: RequestInbox) -> Outcome:
    try:
        libraries = ("torch", "transformers", "peft")
        journal.phase(LIBRARIES, 0, len(libraries), "Starting")
        claimed = claimed_device(folder.attempt(journal.attempt))
        device = prepare(folder.spec().settings.run, claimed=claimed)
        # Imported here: each takes seconds, and the first event must be written before that.
        for done, library in enumerate(libraries, 1):
            journal.detail(f"Starting {library}")
            import_module(library)
            journal.phase(LIBRARIES, done, len(libraries), f"{library} is loaded")
        from promptrec_tui.tuning.recipe import fine_tune

        return fine_tune(folder, device, journal, inbox)
    except DiskFullError as error:
        return Outcome(State.PAUSED, str(error), journal.step, full=True)
    except UserError as error:
        return Outcome(State.FAILED, str(error), journal.step)
    except Exception as error:
        if is_full(error):
            reason = full_sentence(folder, room_needed(folder))
            return Outcome(State.PAUSED, reason, journal.step, full=True)
        with suppress(OSError):
            traceback.print_exc()
        return Outcome(State.FAILED, _sentence(error), journal.step)


def _sentence(error: Exception) -> str:
    """An unexpected error in one sentence."""
    first = str(error).strip().split("\n")[0]
    text = f"{type(error).__name__}: {first or 'no message'}"
    return explain(text) or f"Unexpected {text}; see the log."


def main(arguments: Sequence[str]) -> int:
    """Run one attempt."""
    os.umask(0o077)
    run_id, attempt = arguments
    supervisor = identify(os.getppid())
    home = find_home()
    # The run's folder may be removed while torch loads: MKL ends a process whose working folder is gone.
    os.chdir(home.root)
    status = _status(find(home, run_id), int(attempt))
    if supervisor is None or not is_alive(supervisor):
        become_dispatcher()
    return status


def _status(folder: RunFolder, attempt: int) -> int:
    try:
        outcome = work(folder, attempt)
    except OSError as error:
        if not is_full(error):
            raise
        return PAUSED_FOR_ROOM
    with suppress(OSError):
        print(outcome.reason, flush=True)
    if outcome.full:
        return PAUSED_FOR_ROOM
    return 1 if outcome.state == State.FAILED else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
