"""The training loss on targets that are not trained."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tokentree.choices import Choices
from promptrec_tui.tokentree.loss import Batch, completion_loss, half


def validation_loss(
    model: Any,
    batches: Sequence[Batch],
    choices: Choices | None,
    tick: Callable[[], None],
    progress: Callable[[int, int], None] = lambda done, forwards: None,
) -> float:
    """The sum of the losses of `batches`, which are the forwards of one step, without dropout.

    Calls `tick` before each forward, which may raise CancelledError, and `progress(done, forwards)`. Raises
    NoMemoryError.
    """
    total = 0.0
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for done, batch in enumerate(batches):
                progress(done, len(batches))
                total += _loss_of(model, batch, choices, tick)
    finally:
        model.train(training)
    progress(len(batches), len(batches))
    return total


def _loss_of(model: Any, batch: Batch, choices: Choices | None, tick: Callable[[], None]) -> float:
    """A batch's share of the loss, in halves where it does not fit."""
    tick()
    try:
        given = {name: tensor.to(model.device) for name, tensor in batch.items()}
        return completion_loss(model, given, choices=choices).item()
    except torch.OutOfMemoryError as error:
        parts = half(batch)
        if not parts:
            raise NoMemoryError from error
    return sum(_loss_of(model, part, choices, tick) for part in parts)
