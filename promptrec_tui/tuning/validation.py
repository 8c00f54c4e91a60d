"""What is measured while a run trains: monitor users' validation targets, previews of pinned users."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.evaluation.metrics import ranking_metrics
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tokentree.loss import Batch, completion_loss, half
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.desk import CancelledError, Desk
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.previews import PREVIEW_SECONDS, preview
from promptrec_tui.tuning.ranking import Case, rank_users, ranks_of


class _LateError(Exception):
    """Previews have taken as long as they may."""


@dataclass(frozen=True)
class Validation:
    """The model at work and the questions it is asked. `loss` holds the validation targets as one step.

    `exact`: ranks beyond the first k are told apart too, as MRR over all ranks needs.
    """

    model: Any
    ranker: Ranker
    task: NextItem
    items: Sequence[Item]
    cases: Sequence[Case]
    pinned: Sequence[Case]
    loss: Plan
    k: int
    exclude_seen: bool
    journal: Journal
    desk: Desk
    compare: Callable[[], None]
    """Tells what the baselines make of the same targets."""
    exact: bool = False

    def measure(self, step: int, progress: Callable[[int, int], None]) -> dict[str, float]:
        """Validation loss and ranking metrics of the model as it is, written as a metric event of `step`.

        What there is no memory for is left out, with a warning.
        Calls `progress(done, users)`. Raises CancelledError when somebody wants the run to end.
        """
        values: dict[str, float] = {}
        try:
            places = rank_users(
                self.ranker,
                self.task,
                self.cases,
                self.exclude_seen,
                progress,
                self.desk.cancelled,
                cap=None if self.exact else self.k,
            )
            values = ranking_metrics(ranks_of(places), self.k)
            if not self.exact:
                # The search stops where a target is out of the first k, so there is no MRR beyond it.
                del values["mrr"]
        except NoMemoryError as error:
            self._left_out("ranks of the validation targets", step, error)
        try:
            values = {"validation_loss": self._loss(), **values}
        except NoMemoryError as error:
            self._left_out("validation loss", step, error)
        if values:
            self.journal.write("metric", step=step, values=values)
        return values

    def _left_out(self, what: str, step: int, error: NoMemoryError) -> None:
        self.journal.write("warning", message=f"Step {step} has no {what}. {error}")

    def preview(self, stage: str, step: int, progress: Callable[[int, int], None]) -> None:
        """Write a preview event of the pinned users, or of as many as are ready after `PREVIEW_SECONDS`.

        What is shown is exact. Calls `progress(done, users)`. Raises CancelledError when somebody wants the
        run to end.
        """
        over = time.monotonic() + PREVIEW_SECONDS
        tick, users = self.ranker.tick, []

        def in_time() -> None:
            tick()
            if time.monotonic() > over:
                raise _LateError

        self.ranker.tick = in_time
        try:
            progress(0, len(self.pinned))
            for case in self.pinned:
                if self.desk.cancelled():
                    raise CancelledError
                users.append(
                    preview(
                        self.ranker, self.task, self.items, case, self.exclude_seen, sweep=stage == "before"
                    )
                )
                progress(len(users), len(self.pinned))
        except _LateError:
            self.journal.write(
                "warning",
                message=f"Previews at step {step} were left after {PREVIEW_SECONDS:.0f} seconds, with "
                f"{len(users)} of {len(self.pinned)} users: ranking all titles is slow here. "
                "Figures stay exact.",
            )
        except NoMemoryError as error:
            self._left_out("more previews", step, error)
        finally:
            self.ranker.tick = tick
        if users:
            self.journal.write("preview", step=step, stage=stage, users=users)

    def _loss(self) -> float:
        """The training loss, on the validation targets. Raises CancelledError and NoMemoryError."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                return sum(self._loss_of(batch) for batch in self.loss.batches(0))
        finally:
            self.model.train(training)

    def _loss_of(self, batch: Batch) -> float:
        """A batch's share of the loss, in halves where it does not fit."""
        self.ranker.tick()
        try:
            given = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
            return completion_loss(self.model, given).item()
        except torch.OutOfMemoryError as error:
            parts = half(batch)
            if not parts:
                raise NoMemoryError from error
        return sum(self._loss_of(part) for part in parts)
