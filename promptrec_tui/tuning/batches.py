"""Which targets each optimiser step trains, in which process, and their tensors."""

import math
from bisect import bisect_right
from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from math import ceil
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from promptrec_tui.tokentree.loss import Batch as Batch
from promptrec_tui.tokentree.sizes import CPU_FORWARD
from promptrec_tui.tokentree.tree import Tree, pack, split

Row = TypeVar("Row", bound=Sized)

ROW = 2048
"""Most nodes of a tree in one row: attention costs the square of it. A wider tree is cut between targets."""


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """A shuffle of range(count) that depends on seed and epoch only, not on a random generator's version."""

    def ticket(index: int) -> bytes:
        return blake2b(f"{seed}:{epoch}:{index}".encode(), digest_size=8).digest()

    return sorted(range(count), key=ticket)


class Steps(Protocol):
    """What each optimiser step trains, and which part of it each of several processes does."""

    total_steps: int
    batch_size: int
    targets: int
    """Targets of an epoch."""
    forward: int
    """Tokens of a forward, at most, padding included."""

    def size(self, step: int) -> int:
        """Targets of step `step` (the first is 0)."""

    def batches(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
        """The forwards that process `rank` of `ranks` makes for step `step`: at least one.

        The weights of all processes add to 1. They depend on the plan, the step and `ranks` only, so that
        processes need not exchange anything.
        """


def deal(size: int, rank: int, ranks: int) -> range:
    """The targets of a step of `size` for process `rank` of `ranks`: an equal share of consecutive ones.

    Neighbours stay together because targets of one user share their history. In a step with fewer targets
    than processes, some processes get none.
    """
    return range(size * rank // ranks, size * (rank + 1) // ranks)


class Plan:
    """The training of a run, step by step.

    The targets form one endless stream: epoch after epoch, trees in `epoch_order`, the targets (owners) of
    each in their own order. Step s takes the targets [s·batch_size, (s+1)·batch_size) of it, so every step
    has exactly `batch_size` of them, whatever rows they lie in. A tree across the border of two steps, or of
    two processes, is trained in part in each. Only the last step of a run measured in epochs may be smaller:
    each target is trained exactly `epochs` times.
    """

    def __init__(
        self,
        trees: Sequence[Tree],
        *,
        batch_size: int,
        accumulate: int = 1,
        loss: str = "target",
        seed: int = 0,
        epochs: int = 1,
        max_steps: int = 0,
        reach: float = math.inf,
        sizes: Sequence[int] | None = None,
        forward: int = CPU_FORWARD,
    ) -> None:
        """`loss`: each "target" counts alike, or each "token"; for "catalogue" each target counts with log P
        of its whole answer. `max_steps`, if not 0, replaces `epochs`.

        `accumulate`: least number of forwards of a step, as far as there are rows. `reach`: how many tokens
        back the model sees; the targets of a deeper tree get plain rows of their own, in which sliding
        windows are right. `sizes`: the number of targets of each tree, if known; trees are then made only
        when a step needs them. `forward`: most tokens of a forward, padding included.
        """
        self.trees = trees
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.loss = loss
        self.seed = seed
        self.reach = reach
        self.forward = forward
        self.sizes = [int(tree.owners.max()) + 1 for tree in trees] if sizes is None else sizes
        self.targets = sum(self.sizes)
        self._end = max_steps * batch_size if max_steps else epochs * self.targets
        self.total_steps = ceil(self._end / batch_size)
        self._epoch = lru_cache(maxsize=2)(self._lay_out)

    def size(self, step: int) -> int:
        """Targets of step `step` (the first is 0)."""
        return min(self.batch_size, self._end - step * self.batch_size)

    def pieces(self, step: int, targets: range | None = None) -> list[Tree]:
        """The trees of step `step`, or the parts of them, in the order of the stream.

        `targets`: which targets of the step, counted from 0; all if None.
        """
        wanted = range(self.size(step)) if targets is None else targets
        start, stop = (step * self.batch_size + place for place in (wanted.start, wanted.stop))
        pieces = []
        while start < stop:
            epoch, offset = divmod(start, self.targets)
            order, ends = self._epoch(epoch)
            place = bisect_right(ends, offset)
            size = self.sizes[order[place]]
            first = offset - ends[place] + size
            taken = min(size - first, stop - start)
            tree = self.trees[order[place]]
            pieces.append(tree if taken == size else tree.part(first, first + taken))
            start += taken
        return pieces

    def batches(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
        """The forwards of process `rank` for step `step`; rows of similar length share a forward.

        The weights of all `ranks` processes add up to 1. A process without a target makes one forward of
        weight 0, because it must take part in the sum of gradients.
        """
        size = self.size(step)
        dealt = deal(size, rank, ranks)
        own = self.pieces(step, dealt or range(1))
        plain: list[Tree] = []
        branching: list[Tree] = []
        offset = 0
        for piece in own:
            # Owners are numbered over all trees, so that weights can be computed after packing.
            tree = replace(piece, owners=piece.owners - piece.owners.min() + np.int32(offset))
            targets = int(tree.owners.max()) + 1 - offset
            if not tree.branches:
                plain.append(tree)
            elif tree.depths.max() + 1 > self.reach:
                plain += [tree.part(owner, owner + 1) for owner in range(offset, offset + targets)]
            else:
                branching += split(tree, min(ROW, self.forward))
            offset += targets
        rows = pack(branching, max(map(len, branching))) if branching else []
        lengths = np.bincount(np.concatenate([tree.owners for tree in plain + rows]), minlength=offset)
        if self.loss == "token":
            whole = own if ranks == 1 else self.pieces(step)
            weights = np.full(offset, 1 / sum(len(piece.owners) for piece in whole))
        elif self.loss == "catalogue":
            weights = np.full(offset, 1 / size)
        else:
            weights = 1 / (size * lengths)
        if not dealt:
            weights = np.zeros(offset)
        total = sum(map(len, plain + rows))
        room = min(self.forward, ceil(total / self.accumulate)) if self.accumulate > 1 else self.forward
        return [
            *(_tensors(group, weights, trees=False) for group in _groups(plain, room)),
            *(_tensors(group, weights, trees=True) for group in _groups(rows, room)),
        ]

    def _lay_out(self, epoch: int) -> tuple[list[int], list[int]]:
        """The order of an epoch's trees, and the number of targets up to the end of each."""
        order = epoch_order(len(self.trees), self.seed, epoch)
        return order, list(accumulate(self.sizes[index] for index in order))


def _groups(rows: Sequence[Row], room: int) -> list[list[Row]]:
    """Groups of rows of similar length: as many as fit `room` tokens when padded, at least one."""
    groups: list[list[Row]] = []
    for row in sorted(rows, key=len):
        if groups and (len(groups[-1]) + 1) * len(row) <= room:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _tensors(group: Sequence[Tree], weights: NDArray[np.float64], trees: bool) -> Batch:
    width = max(map(len, group))
    shape = (len(group), width)
    token_ids, positions = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    ends = np.tile(np.arange(1, width + 1), (len(group), 1))
    for row, tree in enumerate(group):
        token_ids[row, : len(tree)] = tree.token_ids
        positions[row, : len(tree)] = tree.depths
        ends[row, : len(tree)] = tree.ends
    owners = np.concatenate([tree.owners for tree in group])
    batch = {
        "token_ids": token_ids,
        "rows": np.repeat(np.arange(len(group)), [len(tree.owners) for tree in group]),
        "columns": np.concatenate([tree.sources for tree in group]).astype(np.int64),
        "labels": np.concatenate([tree.labels for tree in group]).astype(np.int64),
        "weights": weights[owners].astype(np.float32),
    }
    if trees:
        batch |= {"positions": positions, "ends": ends}
    return {name: torch.from_numpy(array) for name, array in batch.items()}


@dataclass(frozen=True)
class LabelledRow:
    """A text as token ids and the number of its label."""

    token_ids: tuple[int, ...]
    label: int

    def __len__(self) -> int:
        return len(self.token_ids)


class RowPlan:
    """The training of a classifier, step by step: a stream as in `Plan`, in which each row is a target."""

    def __init__(
        self,
        rows: Sequence[LabelledRow],
        *,
        padding: int,
        batch_size: int,
        accumulate: int = 1,
        seed: int = 0,
        epochs: int = 1,
        max_steps: int = 0,
        forward: int = CPU_FORWARD,
    ) -> None:
        """`padding`: the token that fills short rows; the other parameters as in `Plan`."""
        self.rows = rows
        self.padding = padding
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.seed = seed
        self.forward = forward
        self.targets = len(rows)
        self._end = max_steps * batch_size if max_steps else epochs * self.targets
        self.total_steps = ceil(self._end / batch_size)
        self._order = lru_cache(maxsize=2)(lambda epoch: epoch_order(len(rows), seed, epoch))

    def size(self, step: int) -> int:
        """Rows of step `step` (the first is 0)."""
        return min(self.batch_size, self._end - step * self.batch_size)

    def batches(self, step: int, rank: int = 0, ranks: int = 1) -> list[Batch]:
        """The forwards of process `rank` for step `step`, distributed and weighted like those of a `Plan`."""
        start, size = step * self.batch_size, self.size(step)
        dealt = deal(size, rank, ranks)
        places = (divmod(start + place, self.targets) for place in dealt or range(1))
        rows = [self.rows[self._order(epoch)[offset]] for epoch, offset in places]
        room = self.forward
        if self.accumulate > 1:
            room = min(room, ceil(sum(map(len, rows)) / self.accumulate))
        weight = 1 / size if dealt else 0.0
        return [labelled_batch(group, self.padding, weight) for group in _groups(rows, room)]


def labelled_batch(rows: Sequence[LabelledRow], padding: int, weight: float) -> Batch:
    """`token_ids mask` [R, L], `labels weights` [R]; each row weighs `weight`."""
    width = max(map(len, rows))
    token_ids, mask = np.full((len(rows), width), padding), np.zeros((len(rows), width), np.int64)
    for place, row in enumerate(rows):
        token_ids[place, : len(row)] = row.token_ids
        mask[place, : len(row)] = 1
    return {
        "token_ids": torch.from_numpy(token_ids),
        "mask": torch.from_numpy(mask),
        "labels": torch.tensor([row.label for row in rows]),
        "weights": torch.full((len(rows),), weight),
    }
