"""Evaluates a run's model and writes the results as events: validation, test, baselines, previews."""

import time
from collections.abc import Callable
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


class _LateError(Exception):
    """Previews have used up their time."""


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

    def preview(self, stage: str, step: int, progress: Callable[[int, int], None]) -> None:
        """Write a preview event of the pinned cases, or of as many as are ready after `PREVIEW_SECONDS`.

        What is shown is exact. Calls `progress(done, cases)`. Raises CancelledError when a request ends the
        run.
        """
        deadline = time.monotonic() + PREVIEW_SECONDS
        job, tick = self.job, self.job.tick
        shown: list[PreviewUser] = []

        def in_time() -> None:
            tick()
            if time.monotonic() > deadline:
                raise _LateError

        job.tick = in_time
        try:
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
        finally:
            job.tick = tick
        if shown:
            self.journal.write(PreviewEvent(step, stage, tuple(shown)))
