"""What a run does, for each task and family of models: the interface between the recipe and a task."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.metrics import Metric
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.home import Home
from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.events import PreviewUser
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tuning.batches import Batch, Steps
from promptrec_tui.tuning.blending import Blended
from promptrec_tui.tuning.jobs.encoder_classes import EncoderClasses
from promptrec_tui.tuning.jobs.label_answers import LabelAnswers
from promptrec_tui.tuning.jobs.next_item import NextItemJob
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.requests import RequestInbox

Progress = Callable[[int, int], None]


class Job(Protocol):
    """One task on one dataset with one model. Stages are "validation" and "test".

    It is constructed from (spec, home), which reads what serving needs; a trainer calls `read` too.

    Methods that compute predictions call `progress(done, cases)`, and `tick` between two forwards, which may
    raise CancelledError. They raise NoMemoryError when not even the smallest forward fits the device.
    """

    metrics: tuple[Metric, ...]
    """The metrics of the test."""
    curve: tuple[Metric, ...]
    """The metrics of a validation, besides the loss."""
    lead: str
    """The name of the metric that chooses the best baseline and represents a run in lists."""
    test_cases: int
    """How many cases the test has."""
    preview_keys: Sequence[str]
    """The keys of the cases shown as previews, the same ones during the whole run."""
    tick: Callable[[], None]

    def read(self, journal: Journal, inbox: RequestInbox) -> None:
        """Read the cases and the training targets. Raises UserError when the dataset has none."""

    def load(self, device: torch.device, dtype: torch.dtype) -> Tuned:
        """Load the base model with its output layer and a new tuning method; the job works with it."""

    def check(self) -> None:
        """Compare fast forwards with plain ones. Raises UserError when they differ by more than rounding."""

    def steps(self) -> Steps:
        """Which targets each optimiser step trains."""

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """One batch's share of a step's loss."""

    def validate(self, step: int, progress: Progress) -> dict[str, float]:
        """`validation_loss` and the metrics of the curve, of the current model at `step`.

        A value that does not fit the memory is left out, with a warning event.
        """

    def predict(self, stage: str, progress: Progress) -> Predictions:
        """The current model's predictions for the cases of a stage."""

    def baselines(self, stage: str) -> Iterator[tuple[str, Predictions]]:
        """Each baseline's name and predictions, fitted on the data before the targets of the stage.

        Raises CancelledError in one that takes long; those made before that count.
        """

    def references(self, progress: Progress) -> dict[str, Predictions]:
        """Further predictions of the current model, untuned, for the test cases: rows of the report."""

    def calibrate(self, progress: Progress) -> float | None:
        """Fit the temperature of the current model's probabilities on the validation cases, for the test.

        None where the job has none.
        """

    def blend(self) -> Blended | None:
        """The current model and the baselines together, fitted and judged; None where that cannot be."""

    def preview(self, key: str, untuned: bool) -> PreviewUser:
        """One case for a person to read: an entry of a `preview` event."""

    def protocol(self, stage: str, cases: int) -> dict[str, Any]:
        """The conditions of a stage's metrics: values are comparable only under equal protocols."""

    def remarks(self, before: Predictions | None, after: Predictions | None) -> dict[str, Any]:
        """What the report contains besides the metrics."""


JOBS: Mapping[tuple[str, str], Callable[[RunSpec, Home], Job]] = {
    ("next_item", "causal"): NextItemJob,
    ("classify", "encoder"): EncoderClasses,
    ("classify", "causal"): LabelAnswers,
}
"""The classes of jobs, by task and family of the model."""


def open_job(spec: RunSpec, home: Home, journal: Journal, inbox: RequestInbox) -> Job:
    """The job of a run for its trainer, with all cases and training targets read.

    Raises UserError as `job_of` does, and when the dataset has nothing to train on or to evaluate.
    """
    job = job_of(spec, home)
    job.read(journal, inbox)
    return job


def job_of(spec: RunSpec, home: Home) -> Job:
    """The job of a run for serving its model: no case is read.

    Raises UserError for a task that a model of its family cannot be tuned for, and when dataset, template and
    model do not go together.
    """
    kind = JOBS.get((spec.task, spec.model.family))
    if kind is None:
        raise UserError(
            f"A model of the family {spec.model.family!r} cannot be tuned for the task {spec.task!r}."
        )
    return kind(spec, home)
