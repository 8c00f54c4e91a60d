"""The trainer's process: `python -m promptrec_tui.tuning.worker RUN_ID ATTEMPT`.

Its output is the attempt's log. Whatever happens ends in a `finished` event with one sentence; a traceback
stays in the log. Exit status 0 for done, stopped and paused, 1 for failed.
"""

import os
import sys
import traceback
from collections.abc import Sequence

from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.runs.folder import RunFolder, find
from promptrec_tui.runs.launchers import become_dispatcher
from promptrec_tui.runs.queue import claimed_device
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.desk import Desk
from promptrec_tui.tuning.devices import prepare
from promptrec_tui.tuning.journal import Journal, Outcome


def work(folder: RunFolder, attempt: int) -> Outcome:
    """Carry one attempt of a run to its end and write down how it ended."""
    with Journal(folder, attempt) as journal:
        journal.phase("loading", message="Starting")
        with journal.heartbeat():
            desk = Desk(journal)
            desk.take_signals()
            outcome = _outcome(folder, journal, desk)
            desk.answer(outcome.state.value)
            journal.write("finished", state=outcome.state.value, reason=outcome.reason, step=outcome.step)
    return outcome


def _outcome(folder: RunFolder, journal: Journal, desk: Desk) -> Outcome:
    try:
        claimed = claimed_device(folder.attempt(journal.attempt))
        device = prepare(folder.spec().settings.run, claimed=claimed)
        # Here and not above: torch takes seconds, and the first event is to come before it.
        from promptrec_tui.tuning.recipe import fine_tune

        return fine_tune(folder, device, journal, desk)
    except UserError as error:
        return Outcome(State.FAILED, str(error), journal.step)
    except Exception as error:
        traceback.print_exc()
        return Outcome(State.FAILED, _sentence(error), journal.step)


def _sentence(error: Exception) -> str:
    """An unexpected error in one sentence."""
    name = type(error).__name__
    if name == "OutOfMemoryError":
        return "The device ran out of memory: lower train.batch_size, or raise train.accumulate."
    first = str(error).strip().split("\n")[0]
    return f"Unexpected {name}: {first or 'no message'}; see the log."


def main(arguments: Sequence[str]) -> int:
    """Run one attempt."""
    os.umask(0o077)
    run_id, attempt = arguments
    supervisor = os.getppid()
    outcome = work(find(find_home(), run_id), int(attempt))
    print(outcome.reason, flush=True)
    if os.getppid() != supervisor:
        become_dispatcher()
    return 1 if outcome.state == State.FAILED else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
