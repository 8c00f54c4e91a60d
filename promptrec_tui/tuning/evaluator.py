"""Evaluates a run's model and writes the results as events: validation, test, baselines, previews."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from promptrec_tui.evaluation.metrics import measured
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.runs.events import (
    EvaluationEvent,
    Lead,
    MetricEvent,
    PreviewEvent,
    PreviewUser,
    WarningEvent,
)
from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tuning.jobs.job import Job
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.previews import PREVIEW_SECONDS
from promptrec_tui.tuning.requests import CancelledError, RequestInbox

REFERENCE_SECONDS = 60.0
"""Seconds that the references of a report may take; they are left out otherwise, with a warning."""


class _LateError(Exception):
    """A part of an evaluation has used up its time."""


@dataclass(frozen=True)
class Evaluator:
    """The job whose model is evaluated, and the journal for the results."""

    job: Job
    journal: Journal
    inbox: RequestInbox

    def report(self, stage: str, name: str, step: int, predictions: Predictions) -> None:
        """Write an evaluation event for the predictions of `name`."""
        cases = len(predictions.keys)
        self.journal.write(
            EvaluationEvent(
                stage=stage,
                name=name,
                step=step,
                users=cases,
                metrics=measured(self.job.metrics, predictions.rows),
                protocol=self.job.protocol(stage, cases),
            )
        )

    def compare(self) -> None:
        """Evaluate the baselines on the validation cases. Raises CancelledError in one that takes long."""
        for name, predictions in self.job.baselines("validation"):
            self.report("validation", name, 0, predictions)

    def measure(self, step: int, progress: Callable[[int, int], None]) -> dict[str, float]:
        """Validate the current model: loss and metrics, written as a metric event of `step`.

        Calls `progress(done, cases)`. Raises CancelledError when a request ends the run.
        """
        values = self.job.validate(step, progress)
        if values:
            lead = next(metric for metric in self.job.metrics if metric.name == self.job.lead)
            self.journal.write(MetricEvent(step, values, Lead(lead.name, lead.higher_is_better)))
        return values

    def references(self, progress: Callable[[int, int], None]) -> dict[str, Predictions]:
        """The job's references, of which the current model must be the untuned one; none where they take
        longer than `REFERENCE_SECONDS`. Raises CancelledError.
        """
        try:
            with self._within(REFERENCE_SECONDS):
                return self.job.references(progress)
        except _LateError:
            self.journal.write(
                WarningEvent(
                    "The untuned model was not measured under the other evaluation.score: it takes more than "
                    f"{REFERENCE_SECONDS:.0f} seconds here."
                )
            )
        except NoMemoryError as error:
            self.journal.left_out("the untuned model under the other evaluation.score", 0, error)
        return {}

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Raise _LateError between two forwards of this block when it has taken so long."""
        tick, deadline = self.job.tick, time.monotonic() + seconds

        def in_time() -> None:
            tick()
            if time.monotonic() > deadline:
                raise _LateError

        self.job.tick = in_time
        try:
            yield
        finally:
            self.job.tick = tick

    def preview(self, stage: str, step: int, progress: Callable[[int, int], None]) -> None:
        """Write a preview event of the pinned cases, or of as many as are ready after `PREVIEW_SECONDS`.

        What is shown is exact. Calls `progress(done, cases)`. Raises CancelledError when a request ends the
        run.
        """
        job = self.job
        shown: list[PreviewUser] = []
        try:
            with self._within(PREVIEW_SECONDS):
                progress(0, len(job.preview_keys))
                for key in job.preview_keys:
                    if self.inbox.cancelled():
                        raise CancelledError
                    shown.append(job.preview(key, untuned=stage == "before"))
                    progress(len(shown), len(job.preview_keys))
        except _LateError:
            self.journal.write(
                WarningEvent(
                    f"Previews at step {step} were cut off after {PREVIEW_SECONDS:.0f} seconds, with "
                    f"{len(shown)} of {len(job.preview_keys)} users: ranking all titles is slow here. "
                    "Figures stay exact."
                )
            )
        except NoMemoryError as error:
            self.journal.left_out("more previews", step, error)
        if shown:
            self.journal.write(PreviewEvent(step, stage, tuple(shown)))
