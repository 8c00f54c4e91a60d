"""SIGKILL to the trainer, its supervisor or both, several times in one run (rows 1 to 4)."""

from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.moments import any_moment
from benchmarks.faults.oracle import check_finished
from benchmarks.faults.places import BrokenError
from benchmarks.faults.run_under_test import Patient, begin, expect, resume, strike, trainers, wait_for_rest
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import Status

ENDED = {State.DONE}
"""A kill may come after the `finished` event."""


def trainer(case: Case) -> Tally:
    """The supervisor notices it and names the signal."""
    return _killed(case, ("trainer",), {State.INTERRUPTED}, ("SIGKILL", "killed"))


def supervisor(case: Case) -> Tally:
    """The trainer notices it, saves and ends; before its signal handler is installed, SIGTERM ends it."""
    return _killed(case, ("supervisor",), {State.PAUSED, State.INTERRUPTED}, ())


def both(case: Case) -> Tally:
    """No process is left to write a verdict."""
    return _killed(case, ("supervisor", "trainer"), {State.INTERRUPTED, State.PAUSED}, ())


def _killed(case: Case, victims: tuple[str, ...], states: set[State], words: tuple[str, ...]) -> Tally:
    struck, runs, steps = 0, 0, []
    while struck < case.blows:
        runs += 1
        patient = begin(case.place.home, f"run-{runs}")
        while struck < case.blows:
            last = struck == case.blows - 1
            status = _strike(case, patient, victims, last)
            if status is None:
                break
            struck += 1
            steps.append(str(max((event.get("step") or 0 for event in patient.events), default=0)))
            expect(status, states | ENDED, () if status.state in ENDED else words)
            if status.state in ENDED:
                break
            resume(patient)
            if (living := trainers(patient)) > 1:
                raise BrokenError(f"{living} trainers of one run live at once.")
        wait_for_rest(patient)
        check_finished(case.place, patient, case.twin)
    return Tally(struck, f"{runs} run{'s' * (runs > 1)}, struck at steps {' '.join(steps)}")


def _strike(case: Case, patient: Patient, victims: tuple[str, ...], last: bool) -> Status | None:
    """Wait for the moment and send the kill; returns how the attempt ended, None if it had ended before."""
    moment = any_moment(case.chance, case.twin.loading, last)
    if not moment(patient, case.chance):
        return None
    order = list(victims)
    case.chance.shuffle(order)
    hits = [strike(patient, victim) for victim in order]
    return wait_for_rest(patient) if any(hits) else None
