"""The scorers beside the model, fitted within a run: progress, requests, and those that must be left out."""

from collections.abc import Iterator, Sequence
from functools import partial

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.baselines import Baseline, fit_baseline
from promptrec_tui.evaluation.histories import Matrix, Progress, Sequences
from promptrec_tui.runs.events import WarningEvent
from promptrec_tui.runs.phases import BASELINES, TEST_BASELINES
from promptrec_tui.tuning import sasrec
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.requests import CancelledError, RequestInbox

SLOW = ("ease", "sasrec")
"""Come last and can be cancelled; the others are fitted even for a run that is stopped."""


def fit_scorers(
    names: Sequence[str],
    sequences: Sequences,
    n_items: int,
    seed: int,
    stage: str,
    journal: Journal,
    inbox: RequestInbox,
) -> Iterator[Baseline]:
    """Fit each on `sequences` (one list of item ids a user, oldest first), when it is asked for.

    Writes phase events. A scorer that refuses so many items is left out, with a warning event. Raises
    CancelledError in a slow one when a request ends the run.
    """
    shared: dict[str, Matrix] = {}
    phase = BASELINES if stage == "validation" else TEST_BASELINES
    for done, name in enumerate(sorted(names, key=SLOW.__contains__)):
        message = f"Fitting {name} for the {stage} targets"
        journal.phase(phase, done, len(names), message)
        progress = partial(_progress, journal, inbox if name in SLOW else None, message)
        if name == "sasrec":
            yield _sasrec(sequences, n_items, seed, stage, progress, journal)
            continue
        try:
            fitted = fit_baseline(name, sequences, n_items, progress, shared)
        except UserError as error:
            journal.write(WarningEvent(str(error)))
            continue
        yield fitted
    journal.phase(phase, len(names), len(names))


def _sasrec(
    sequences: Sequences, n_items: int, seed: int, stage: str, progress: Progress, journal: Journal
) -> Baseline:
    """Train sasrec, and say how long it took and whether that was long enough."""
    fit = sasrec.fit_sasrec(sequences, n_items, seed, progress)
    took = f"{fit.seconds:.0f} s for {fit.epochs} passes, of which pass {fit.best} is kept"
    journal.detail(f"sasrec took {took}", at_once=True)
    if fit.late:
        journal.write(
            WarningEvent(
                f"sasrec was still learning for the {stage} targets when its {sasrec.SECONDS:.0f} s were "
                f"over: {took}. Its figures depend on the speed of this machine."
            )
        )
    return fit.baseline


def _progress(journal: Journal, inbox: RequestInbox | None, message: str, done: int, of: int) -> None:
    journal.detail(f"{message}: {done:,} of {of:,}")
    if inbox and inbox.cancelled():
        raise CancelledError


def ranking_by(name: str, journal: Journal, done: int, users: int) -> None:
    """Say how many users' targets a fitted scorer has ranked."""
    journal.detail(f"Ranking by {name}: {done:,} of {users:,} users")
