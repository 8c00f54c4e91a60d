"""Which targets each optimiser step trains, and the tensors of it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise
from math import ceil

import torch
from torch import Tensor

from promptrec_tui.tasks.next_item import Span, TrainingSequence

Batch = dict[str, Tensor]
"""Rows of a forward, padded on the right: `token_ids` [R, L]. And of each trained token: its row, `rows` [T],
the column of the token before it, which predicts it, `columns` [T], its id, `labels` [T], and its share of
the step's loss, `weights` [T]."""


@dataclass(frozen=True)
class Piece:
    """A row of a step: tokens up to the last trained one, and the spans that this step trains."""

    token_ids: tuple[int, ...]
    spans: tuple[Span, ...]


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """A shuffle of range(count) that hangs on seed and epoch alone, not on a random generator's version."""

    def ticket(index: int) -> bytes:
        return blake2b(f"{seed}:{epoch}:{index}".encode(), digest_size=8).digest()

    return sorted(range(count), key=ticket)


class Plan:
    """The training of a run, step by step.

    The targets form one endless stream: epoch after epoch, sequences in `epoch_order`, the targets of each in
    their own order. Step s takes the targets [s·batch_size, (s+1)·batch_size) of it, so every step has
    exactly `batch_size` of them, whatever rows they lie in; a sequence that a step's end cuts is a row of
    both steps. Only the last step of a run measured in epochs may be smaller: each target is trained exactly
    `epochs` times.
    """

    def __init__(
        self,
        sequences: Sequence[TrainingSequence],
        *,
        batch_size: int,
        accumulate: int = 1,
        loss: str = "target",
        seed: int = 0,
        epochs: int = 1,
        max_steps: int = 0,
    ) -> None:
        """`loss`: each "target" counts alike, or each "token"; `max_steps` outweighs `epochs`."""
        self.sequences = sequences
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.loss = loss
        self.seed = seed
        self.sizes = [len(sequence.spans) for sequence in sequences]
        self.targets = sum(self.sizes)
        self._end = max_steps * batch_size if max_steps else epochs * self.targets
        self.total_steps = ceil(self._end / batch_size)
        self._epoch = lru_cache(maxsize=2)(self._lay_out)

    def size(self, step: int) -> int:
        """Targets of step `step` (the first is 0)."""
        return min(self.batch_size, self._end - step * self.batch_size)

    def pieces(self, step: int) -> list[Piece]:
        """The rows of step `step`, in the order of the stream."""
        start = step * self.batch_size
        stop = start + self.size(step)
        pieces = []
        while start < stop:
            epoch, offset = divmod(start, self.targets)
            order, ends = self._epoch(epoch)
            place = bisect_right(ends, offset)
            sequence = self.sequences[order[place]]
            first = offset - ends[place] + len(sequence.spans)
            spans = sequence.spans[first : first + stop - start]
            pieces.append(Piece(sequence.token_ids[: spans[-1].stop], spans))
            start += len(spans)
        return pieces

    def batches(self, step: int) -> list[Batch]:
        """The micro-batches of step `step`: rows of like length together; all their weights add to 1."""
        pieces = sorted(self.pieces(step), key=lambda piece: len(piece.token_ids))
        spans = [span for piece in pieces for span in piece.spans]
        tokens = sum(span.stop - span.start for span in spans)
        parts = min(self.accumulate, len(pieces))
        cuts = [len(pieces) * part // parts for part in range(parts + 1)]
        by_token = self.loss == "token"
        whole = tokens if by_token else len(spans)
        return [_tensors(pieces[start:stop], whole, by_token) for start, stop in pairwise(cuts)]

    def _lay_out(self, epoch: int) -> tuple[list[int], list[int]]:
        """The order of an epoch's sequences, and the number of targets up to the end of each."""
        order = epoch_order(len(self.sequences), self.seed, epoch)
        return order, list(accumulate(self.sizes[index] for index in order))


def _tensors(pieces: Sequence[Piece], whole: int, by_token: bool) -> Batch:
    # The last token of a row is only predicted, never read.
    token_ids = torch.zeros(len(pieces), max(len(piece.token_ids) for piece in pieces) - 1, dtype=torch.long)
    rows: list[int] = []
    columns: list[int] = []
    labels: list[int] = []
    weights: list[float] = []
    for row, piece in enumerate(pieces):
        read = torch.tensor(piece.token_ids[:-1])
        token_ids[row, : len(read)] = read
        for span in piece.spans:
            length = span.stop - span.start
            rows += [row] * length
            columns += range(span.start - 1, span.stop - 1)
            labels += piece.token_ids[span.start : span.stop]
            weights += [1 / whole if by_token else 1 / (whole * length)] * length
    return {
        "token_ids": token_ids,
        "rows": torch.tensor(rows),
        "columns": torch.tensor(columns),
        "labels": torch.tensor(labels),
        "weights": torch.tensor(weights),
    }
