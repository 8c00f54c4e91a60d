"""What happens between two optimiser steps: metrics, requests, validation, checkpoints, early stopping."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from promptrec_tui.runs.checkpoints import publish, rotate
from promptrec_tui.runs.disk import require_room
from promptrec_tui.runs.events import CheckpointEvent, MetricEvent, WarningEvent
from promptrec_tui.runs.phases import (
    FIRST_STEP,
    PREVIEWS,
    TRAINING,
    UNTUNED_PREVIEWS,
    VALIDATION,
    Phase,
    steps_between_validations,
)
from promptrec_tui.runs.spec import TrainSettings
from promptrec_tui.tuning.evaluator import Evaluator
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.previews import PREVIEW_SECONDS
from promptrec_tui.tuning.requests import CancelledError, RequestInbox
from promptrec_tui.tuning.trainer import TargetTrainer

METRIC_SECONDS = 1.0
PREVIEW_SHARE = 0.2
"""The share of the training time that previews may take; one full set of previews is always allowed."""
NOT_FINITE_LIMIT = 3


class NotFiniteError(Exception):
    """Loss or gradient were not finite in `NOT_FINITE_LIMIT` steps in a row, the last being `step`."""

    def __init__(self, step: int) -> None:
        super().__init__(f"not finite up to step {step}")
        self.step = step


@dataclass
class TrainingState:
    """What decisions depend on. Checkpoints hold it: a resumed run decides like an undisturbed one."""

    best_step: int = 0
    best_value: float | None = None
    misses: int = 0
    """Evaluations since the best one."""
    validated: int = -1
    """The last step that was validated."""
    not_finite: int = 0
    """Steps in a row without a finite loss and gradient, up to the last one."""
    skipped: int = 0
    """All steps that were skipped because their gradient was not finite."""
    compared: bool = False
    """Whether the baselines of the validation curves are written, after the first step."""
    previewed: bool = False
    """Whether the untuned model's previews were made, after the first step of an attempt."""
    untuned: bool = False
    """Whether the untuned model's point of the curves was measured."""
    complete: bool = False
    """Whether training is over: its last step is validated, or patience has ended it."""

    @staticmethod
    def from_extra(extra: Mapping[str, Any]) -> "TrainingState":
        """The training_state that a checkpoint holds."""
        known = {field.name for field in fields(TrainingState)}
        return TrainingState(**{name: value for name, value in extra.items() if name in known})


class RunCallback(TrainerCallback):
    """Decides what to do after each step, and writes the events of training.

    The order at each step: metrics, requests, validation if it is due, then whether to save and whether to
    continue. Trainer saves; `on_save` makes the checkpoint count.
    """

    def __init__(
        self,
        trainer: TargetTrainer,
        evaluator: Evaluator,
        settings: TrainSettings,
        training_state: TrainingState,
        environment: Mapping[str, Any],
        journal: Journal,
        inbox: RequestInbox,
    ) -> None:
        """`environment`: that of this attempt; checkpoints record it for comparison by later attempts."""
        self.trainer = trainer
        self.evaluator = evaluator
        self.settings = settings
        self.training_state = training_state
        self.environment = environment
        self.journal = journal
        self.inbox = inbox
        self.total = trainer.plan.total_steps
        self.every = steps_between_validations(settings.eval_every, self.total)
        falling = {metric.name for metric in evaluator.job.curve if not metric.higher_is_better}
        self.falling = settings.monitor in {"validation_loss", *falling}
        """Whether a lower value of the monitored metric is better."""
        self._value: float | None = None
        self._rate = 0.0
        self._losses: list[float] = []
        self._targets = 0
        self._since = self._began = time.monotonic()
        self._told = 0.0
        self._previewing = 0.0
        """Seconds that previews took since `_began`."""

    def catch_up(self, step: int) -> None:
        """Validate a checkpoint that was saved before its validation was complete, for example by a pause."""
        if self._due(step) and self.training_state.validated != step:
            self._validate(step)
            if self.training_state.validated == step:
                self._publish(step)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.journal.phase(FIRST_STEP, message="Rendering the prompts of the first step")
        self.trainer.progress = partial(self.journal.phase, FIRST_STEP, message="Forwards of the first step")
        self._since = self._began = time.monotonic()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._rate = kwargs["optimizer"].param_groups[0]["lr"]

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        step = state.global_step
        self._record(step)
        self.inbox.poll()
        if not self.training_state.compared and self.inbox.ending is None:
            self._compare(step)
        if not self.training_state.previewed and not self.inbox.cancelled():
            self._preview_untuned(step)
        improved = self._due(step) and self.inbox.ending is None and self._validate(step)
        asked = self.inbox.ending is not None or self.inbox.wants_checkpoint
        control.should_save = (asked or improved or self._save_due(step)) and self._healthy()
        if control.should_save:
            require_room(self.journal.folder, self.trainer.room_needed())
        if self.inbox.ending is not None or self.training_state.complete:
            control.should_training_stop = True
        if self.inbox.wants_checkpoint and not control.should_save:
            self.inbox.answer("refused: the weights are not finite", "checkpoint")

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        path = self._publish(state.global_step)
        self.inbox.answer(f"saved {path}", "checkpoint")

    def _record(self, step: int) -> None:
        """Note a step's loss; write a metric event at the first step, the last, once a second between."""
        self.journal.got_to(step)
        loss = self.trainer.step_loss
        healthy = math.isfinite(loss) and not self.trainer.step_skipped
        self.training_state.not_finite = 0 if healthy else self.training_state.not_finite + 1
        if self.trainer.step_skipped:
            self._skipped(step)
        self._losses.append(loss)
        self._targets += self.trainer.plan.size(step - 1)
        now = time.monotonic()
        stuck = self.training_state.not_finite >= NOT_FINITE_LIMIT
        if now - self._told >= METRIC_SECONDS or step == self.total or stuck:
            values = {
                "train_loss": sum(self._losses) / len(self._losses),
                "learning_rate": self._rate,
                "targets_per_second": self._targets / max(now - self._since, 1e-9),
            }
            epoch = step * self.trainer.plan.batch_size / self.trainer.plan.targets
            self.journal.write(MetricEvent(step, values, total_steps=self.total, epoch=epoch))
            if self._told:
                self.journal.phase(TRAINING, step, self.total)
            else:
                self.trainer.progress = lambda done, forwards: None
            self._losses, self._targets, self._since, self._told = [], 0, now, now
        if stuck:
            raise NotFiniteError(step)

    def _skipped(self, step: int) -> None:
        """Count a skipped step; write a warning for the 1st, 2nd, 4th, 8th and so on."""
        self.training_state.skipped += 1
        count = self.training_state.skipped
        if count & (count - 1) == 0:
            self.journal.write(
                WarningEvent(
                    f"Step {step} was skipped: its gradient is not finite (NaN, infinity). "
                    f"The weights stay as they were; skipped so far: {count}."
                )
            )

    def _compare(self, step: int) -> None:
        """Evaluate the baselines; a resumed run does it again where a request came before the last one."""
        try:
            self.evaluator.compare()
            self.training_state.compared = True
        except CancelledError:
            pass
        finally:
            self._back_to_training(step)

    def _preview_untuned(self, step: int) -> None:
        """Preview the model with its adapter disabled: bit-identical to the model before the first step."""
        try:
            with self.trainer.tuned.untuned():
                self._preview("before", 0, UNTUNED_PREVIEWS, "of the untuned model")
            self.training_state.previewed = True
        except CancelledError:
            pass
        finally:
            self._back_to_training(step)

    def _validate(self, step: int) -> bool:
        """Validate and compare with the best value; returns whether this is the best (False if cancelled)."""
        try:
            values = self.evaluator.measure(step, self._progress(VALIDATION, f"step {step}"))
            if self._previewing <= max(PREVIEW_SECONDS, PREVIEW_SHARE * (time.monotonic() - self._began)):
                self._preview("now", step, PREVIEWS, f"of step {step}")
        except CancelledError:
            return False
        finally:
            self._back_to_training(step)
        # If memory was short there is no value; that does not count towards patience.
        measured = self.settings.monitor in values
        value, training_state = values.get(self.settings.monitor, math.nan), self.training_state
        training_state.validated = step
        self._value = value if math.isfinite(value) else None
        improved = _better(self._value, training_state.best_value, self.falling)
        if improved:
            training_state.best_step, training_state.best_value, training_state.misses = step, self._value, 0
        elif measured:
            training_state.misses += 1
        patience = self.settings.patience
        training_state.complete = step == self.total or bool(patience and training_state.misses >= patience)
        return improved

    def _preview(self, stage: str, step: int, phase: Phase, subject: str) -> None:
        """Make previews and add up the time they took. Raises CancelledError."""
        begun = time.monotonic()
        try:
            self.evaluator.preview(stage, step, self._progress(phase, subject))
        finally:
            self._previewing += time.monotonic() - begun

    def _progress(self, phase: Phase, subject: str) -> Callable[[int, int], None]:
        """Report progress between two steps, counted in users."""
        message = f"{phase.kind.capitalize()} {subject}"
        return lambda done, users: self.journal.phase(phase, done, users, message)

    def _back_to_training(self, step: int) -> None:
        """Restart the rate of targets at the current step: earlier steps were before the interruption."""
        self._targets, self._since = 0, time.monotonic()
        self.journal.phase(TRAINING, step, self.total)

    def _publish(self, step: int) -> str:
        folder, training_state = self.journal.folder, self.training_state
        with self.trainer.saving(step):
            checkpoint = publish(folder, step, {**asdict(training_state), "surroundings": self.environment})
        rotate(folder, keep={training_state.best_step})
        best = training_state.best_step == step
        value = self._value if training_state.validated == step else None
        self.journal.write(CheckpointEvent(step, best, checkpoint.path.name, value))
        return checkpoint.path.name

    def _due(self, step: int) -> bool:
        return step % self.every == 0 or step == self.total

    def _save_due(self, step: int) -> bool:
        every = self.settings.save_every or self.every
        return step % every == 0 or self.training_state.complete or step == self.total

    def _healthy(self) -> bool:
        """Whether the trained weights are finite: a run resumed from other weights would fail again."""
        weights = self.trainer.tuned.model.parameters()
        return all(bool(torch.isfinite(weight).all()) for weight in weights if weight.requires_grad)


def _better(value: float | None, best: float | None, falling: bool) -> bool:
    if value is None or best is None:
        return value is not None
    return value < best if falling else value > best
