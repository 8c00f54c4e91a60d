"""Best-first search in a trie of titles: which beginnings are worth a look at the model's opinion.

log P only falls along a path, so a beginning that is behind a floor cannot lead to anything before it. With
other evidence that holds for the weighted log P of a beginning plus the largest bonus below it.
Everything here is numpy on flat arrays and knows no model.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.tokentree.evidence import Entries
from promptrec_tui.tokentree.tree import Ids
from promptrec_tui.tokentree.trie import Trie

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Expansion:
    """n nodes of the trie to be read by the model at once; later ones may hang under earlier ones."""

    tokens: Ids  # [n]
    depths: Ids  # [n], tokens of the prompt apart
    lines: Ids  # [n, D], the slots that each one sees, the first token's first, its own last, then -1
    rows: Ids  # [E], the node whose next token is wanted
    labels: Ids  # [E], that token


@dataclass(frozen=True, eq=False)
class Aim:
    """What a search is for, and how much each title counts.

    `counts` [M]: items of the catalogue that a title stands for, those that are left out apart. Either the
    `k` best of them, or, when `target` is not negative, the rank of that title among them up to `cap`. Titles
    that are behind the target by no more than `margin` are found too.

    With `entries` the items are ranked by the model and other evidence; `counts` say how many of them each
    title has, and `own` is the entry of the target.
    """

    counts: NDArray[np.int32]
    k: int = 0
    target: int = -1
    cap: float = math.inf
    margin: float = 0.0
    entries: Entries | None = None
    own: int = -1

    @property
    def asks(self) -> bool:
        """Whether the answer depends on the model."""
        return self.entries is None or self.entries.weight > 0


class Search:
    """One question to one model. `select` and `update` take turns until `select` answers None.

    Then `titles` and `scores` hold what was found at or above `floor` (less the aim's margin), in no order:
    titles, or with evidence places among the aim's entries. `open_titles` says which titles the search did
    not get to (when it had read `limit` nodes), none of them below the floor for sure. Each node that is read
    has a slot: 0, 1, 2 and so on.
    """

    def __init__(self, trie: Trie, aim: Aim, normalised: bool, limit: int) -> None:
        self.trie = trie
        self.aim = aim
        self.limit = limit
        self.floor = -math.inf
        self.broken = False
        """Whether the model answered with a NaN: then there is no order."""
        self.titles = np.empty(0, np.int32)
        self.scores = np.empty(0)
        self._counts = trie.sums(aim.counts)
        self._worth = aim.counts if aim.entries is None else np.ones(len(aim.entries.items), np.int32)
        self._target = aim.target if aim.entries is None else aim.own
        self._inner = trie.stops > trie.starts
        # A score is the sum, or the mean over the tokens: no title below a node has a better mean than the
        # sum so far over the longest of them (sums are negative).
        self._over = trie.longest if normalised else np.ones_like(trie.longest)
        self._length = trie.lengths if normalised else np.ones_like(trie.lengths)
        self._nodes = np.empty(0, np.int32)  # the frontier: nodes,
        self._sums = np.empty(0)  # log P of each
        self._above = np.empty(0, np.int64)  # and the slot of the parent of each
        # Of each slot: the slots on its path, its own last, then -1; and its depth. A path is as long as a
        # title, so this is small where a matrix of slots by slots would take hundreds of megabytes.
        self._lines = np.full((64, max(1, int(trie.longest[0]) - 1)), -1, np.int32)
        self._depths = np.zeros(64, np.int32)
        self.slots = 0
        """Nodes that were read so far."""
        self._path = trie.path(aim.target) if aim.target >= 0 else np.empty(0, np.int32)
        self._batch: _Batch | None = None

    def begin(self, logs: Floats) -> None:
        """Open the first tokens; `logs` [C]: log P of the prompt's children, right after it."""
        trie = self.trie
        children = np.arange(trie.starts[0], trie.stops[0], dtype=np.int32)
        self._found(children, np.minimum(logs, 0.0), np.full(len(children), -1))
        if self.aim.target >= 0 and not len(self._path):
            self._fix_floor()

    def select(self, width: int) -> Expansion | None:
        """The best `width` open nodes; None when there is nothing left to read."""
        if len(self._path):
            batch = self._target_path()
        else:
            if self._done():
                return None
            batch = self._best(min(width, self.limit - self.slots))
        trie, count = self.trie, len(batch.nodes)
        self._batch = batch
        rows, children = trie.below(batch.nodes)
        return Expansion(
            trie.tokens[batch.nodes],
            batch.depths,
            self._line_up(batch, count),
            rows,
            trie.tokens[children],
        )

    def update(self, logs: Floats) -> None:
        """Take the answer to the latest selection: log P of each of its labels, [E]."""
        batch, trie = self._batch, self.trie
        assert batch is not None
        if np.isnan(logs).any():
            self.broken = True
        logs = np.minimum(logs, 0.0)
        rows, children = trie.below(batch.nodes)
        sums, read = batch.sums, None
        if len(self._path):
            # Each node but the first is a child of the one before, whose sum it learns first.
            read = np.isin(children, batch.nodes)
            sums[1:] = sums[0] + np.cumsum(logs[read])
        self._found(children, sums[rows] + logs, rows.astype(np.int64) + self.slots, read)
        self.slots += len(batch.nodes)
        if len(self._path):
            self._path = self._path[:0]
            self._fix_floor()

    def open_titles(self) -> NDArray[np.bool_]:
        """The titles under nodes that are still open: [M]."""
        trie = self.trie
        edges = np.zeros(len(trie.titles) + 1, np.int64)
        nodes = self._nodes
        np.add.at(edges, trie.lows[nodes], 1)
        np.add.at(edges, trie.highs[nodes], -1)
        left = (np.cumsum(edges)[:-1] > 0) & (self.aim.counts > 0)
        entries = self.aim.entries
        # One that begins others may be found while they are not.
        left[self.titles if entries is None else entries.titles[self.titles]] = False
        return left

    def better_and_equal(self) -> tuple[int, int]:
        """How many items are above the target's score so far, and how many have it, the target itself too."""
        counts = self._worth[self.titles]
        return int(counts[self.scores > self.floor].sum()), int(counts[self.scores == self.floor].sum())

    def doubtful(self) -> tuple[int, int]:
        """How many items are ahead of the target by no more than the margin, and how many others are behind
        it by no more than that, or equal by chance."""
        counts = self._worth[self.titles] * (self.titles != self._target)
        away = self.scores - self.floor
        ahead = counts[(away > 0) & (away <= self.aim.margin)].sum()
        return int(ahead), int(counts[away <= 0].sum())

    def add(self, titles: Ids, scores: Floats) -> None:
        """Take scores by the model of titles that were read by other means."""
        self.broken |= bool(np.isnan(scores).any())
        self._keep(titles, scores)

    def _done(self) -> bool:
        if self.broken or not len(self._nodes) or self.slots >= self.limit:
            return True
        return self.aim.target >= 0 and self.better_and_equal()[0] >= self.aim.cap

    def _best(self, width: int) -> "_Batch":
        """Take the best open nodes off the frontier."""
        hopes = self._hopes()
        if len(hopes) > width:
            chosen = np.argpartition(-hopes, width - 1)[:width]
            rest = np.ones(len(hopes), np.bool_)
            rest[chosen] = False
        else:
            chosen, rest = np.arange(len(hopes)), np.zeros(len(hopes), np.bool_)
        nodes, sums, above = self._nodes[chosen], self._sums[chosen], self._above[chosen]
        self._nodes, self._sums, self._above = self._nodes[rest], self._sums[rest], self._above[rest]
        return _Batch(nodes, sums, above, self._depth(above))

    def _hopes(self) -> Floats:
        """How soon to read each open node, the highest first.

        The best titles come out in the order of their bounds. Below a cap any so many titles above the floor
        end the search, in whatever order they come: those are near that may lose most a token still missing.
        """
        nodes, trie, bounds = self._nodes, self.trie, self._bounds()
        if self.aim.cap == math.inf:
            return bounds
        missing = trie.longest[nodes] - trie.depths[nodes]
        hopes: Floats = (bounds - self.floor) * self._over[nodes] / missing
        return hopes

    def _bounds(self) -> Floats:
        """What no title below each open node can be above."""
        bounds: Floats = self._sums / self._over[self._nodes]
        if (entries := self.aim.entries) is None:
            return bounds
        return entries.weight * bounds + entries.peaks[self._nodes]

    def _target_path(self) -> "_Batch":
        """All inner nodes on the way to the target, off the frontier where they lie on it."""
        nodes, count = self._path, len(self._path)
        place = int(np.flatnonzero(self._nodes == nodes[0])[0])
        sums = np.zeros(count)
        sums[0] = self._sums[place]
        rest = np.arange(len(self._nodes)) != place
        self._nodes, self._sums, self._above = self._nodes[rest], self._sums[rest], self._above[rest]
        above = np.arange(-1, count - 1, dtype=np.int64)
        return _Batch(nodes, sums, above, np.arange(count, dtype=np.int32))

    def _depth(self, above: NDArray[np.int64]) -> Ids:
        """Depth of nodes under these slots: 0 for a first token."""
        return np.where(above >= 0, self._depths[above] + 1, 0).astype(np.int32)

    def _line_up(self, batch: "_Batch", count: int) -> Ids:
        """Note the paths of the new nodes: their parents' and themselves."""
        start, stop = self.slots, self.slots + count
        if stop > len(self._lines):
            more = 2 * stop - len(self._lines)
            self._lines = np.pad(self._lines, ((0, more), (0, 0)), constant_values=-1)
            self._depths = np.pad(self._depths, (0, more))
        self._depths[start:stop] = batch.depths
        slots = np.arange(start, stop, dtype=np.int32)
        # Parent -1 is the last line of all, which is empty yet, as the path of the prompt is.
        lines = self._lines[batch.above]
        lines[slots - start, batch.depths] = slots
        self._lines[start:stop] = lines
        # On the way to a target parents are new too.
        for slot, depth in zip(slots[batch.above >= start], batch.depths[batch.above >= start], strict=True):
            self._lines[slot, :depth] = self._lines[batch.above[slot - start], :depth]
        return self._lines[start:stop]

    def _found(
        self,
        nodes: Ids,
        sums: Floats,
        above: NDArray[np.int64],
        read: NDArray[np.bool_] | None = None,
    ) -> None:
        """Sort children of what was read into finished titles and new open nodes, but for those in `read`."""
        titles = self.trie.complete[nodes]
        ended = titles >= 0
        ended[ended] = self.aim.counts[titles[ended]] > 0
        self._keep(titles[ended], sums[ended] / self._length[titles[ended]])
        opened = self._inner[nodes] & (self._counts[nodes] > 0)
        if read is not None:
            opened &= ~read
        self._nodes = np.concatenate([self._nodes, nodes[opened]])
        self._sums = np.concatenate([self._sums, sums[opened]])
        self._above = np.concatenate([self._above, above[opened]])
        self._drop()

    def _keep(self, titles: Ids, scores: Floats) -> None:
        """Add finished titles; for the k best, raise the floor to the k-th."""
        if self.aim.entries is not None:
            titles, scores = self.aim.entries.scored(titles, scores)
        self.titles = np.concatenate([self.titles, titles])
        self.scores = np.concatenate([self.scores, scores])
        if self.aim.target < 0:
            order = np.argsort(-self.scores, kind="stable")
            reached = np.cumsum(self._worth[self.titles[order]])
            if len(order) and reached[-1] >= self.aim.k:
                self.floor = float(self.scores[order[np.searchsorted(reached, self.aim.k)]])
        kept = self.scores >= self.floor - self.aim.margin
        self.titles, self.scores = self.titles[kept], self.scores[kept]

    def _fix_floor(self) -> None:
        """The target's own score is the floor of its rank."""
        place = np.flatnonzero(self.titles == self._target)
        if not len(place) or math.isnan(self.scores[place[0]]):
            self.broken = True
            return
        self.floor = float(self.scores[place[0]])
        self._keep(self.titles[:0], self.scores[:0])
        self._drop()

    def _drop(self) -> None:
        """Forget open nodes that are behind the floor and the margin. On the floor they stay, for ties."""
        if self.floor > -math.inf:
            kept = self._bounds() >= self.floor - self.aim.margin
            self._nodes, self._sums, self._above = self._nodes[kept], self._sums[kept], self._above[kept]


@dataclass(frozen=True, eq=False)
class _Batch:
    nodes: Ids
    sums: Floats  # on the way to a target only the first is known before the model has answered
    above: NDArray[np.int64]  # slot of the parent, -1 for the prompt
    depths: Ids
