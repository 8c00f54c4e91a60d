"""A catalogue of titles as a trie in flat arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.tokentree.tree import Ids, Tree, common, merge

Title = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Trie:
    """M distinct titles, sorted, and N nodes level by level: node 0 is the prompt, the others are beginnings
    of titles. A node's children lie together, in the order of their tokens."""

    titles: list[Title]
    lengths: Ids  # [M], tokens of each title
    tokens: Ids  # [N], the last token of each beginning
    parents: Ids  # [N]
    starts: Ids  # [N], first child
    stops: Ids  # [N], behind the last child
    complete: Ids  # [N], the title that ends here, or -1
    lows: Ids  # [N], first title below
    highs: Ids  # [N], behind the last one
    leaves: Ids  # [M], the node where each title ends
    longest: Ids  # [N], tokens of the longest title below
    depths: Ids  # [N], tokens of each beginning

    @property
    def inner(self) -> int:
        """How many nodes have children, the prompt among them."""
        return int((self.stops > self.starts).sum())

    @property
    def branching(self) -> NDArray[np.bool_]:
        """Whether several tokens may follow a node: [N]."""
        return self.stops - self.starts > 1

    @cached_property
    def lines(self) -> Ids:
        """The nodes on the way to each title, first token first, its leaf last, then 0: [M, D]."""
        lines = np.zeros((len(self.titles), int(self.lengths.max())), np.int32)
        nodes = self.leaves
        for back in range(lines.shape[1]):
            deep = np.flatnonzero(self.lengths > back)
            lines[deep, self.lengths[deep] - 1 - back] = nodes[deep]
            nodes = self.parents[nodes]
        return lines

    def below(self, nodes: Ids) -> tuple[Ids, Ids]:
        """The children of `nodes` [n], one node's behind another's: whose each is, as a place in `nodes`,
        and the child, [E] both."""
        sizes = self.stops[nodes] - self.starts[nodes]
        return np.repeat(np.arange(len(nodes), dtype=np.int32), sizes), _ranges(self.starts[nodes], sizes)

    def path(self, title: int) -> Ids:
        """The inner nodes on the way to a title, without the prompt, first token first."""
        node = int(self.leaves[title])
        path = []
        while (node := int(self.parents[node])) > 0:
            path.append(node)
        return np.array(path[::-1], np.int32)

    def sums(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """For each node the sum of `counts` [M] over the titles below: [N]."""
        totals = np.append(0, np.cumsum(counts)).astype(np.int32)
        return totals[self.highs] - totals[self.lows]

    def maxima(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each node the largest of `values` [M] over the titles below: [N]."""
        return _maxima(values, -np.inf, self.lows, self.highs)


def build_trie(titles: Sequence[Title]) -> Trie:
    """The trie of `titles`, distinct, sorted, none of them empty."""
    arrays = [np.array(title, np.int32) for title in titles]
    lengths = np.array([len(title) for title in titles], np.int32)
    shared = np.array([0, *(common(one, other) for one, other in pairwise(arrays))])
    depth = int(lengths.max())
    padded = np.full((len(titles), depth), -1, np.int32)
    padded[np.arange(depth) < lengths[:, None]] = np.concatenate(arrays)

    tokens, parents, lows = [np.array([-1])], [np.array([0])], [np.array([0])]
    highs = [np.array([len(titles)])]
    node_of = np.zeros(len(titles), np.int64)  # of each title's beginning on the level before
    leaves = np.zeros(len(titles), np.int64)
    count = 1
    for level in range(1, depth + 1):
        alive = np.flatnonzero(lengths >= level)
        # Sorted, a title between two that share a beginning has it too, so equal beginnings are neighbours.
        opens = shared[alive] < level
        opens[0] = True
        firsts = alive[opens]
        tokens.append(padded[firsts, level - 1])
        parents.append(node_of[firsts])
        lows.append(firsts)
        highs.append(alive[np.append(np.flatnonzero(opens)[1:], len(alive)) - 1] + 1)
        node_of[alive] = count + np.cumsum(opens) - 1
        ended = alive[lengths[alive] == level]
        leaves[ended] = node_of[ended]
        count += len(firsts)

    above = np.concatenate(parents)
    children = np.bincount(above[1:], minlength=count)
    stops = 1 + np.cumsum(children)
    low, high = np.concatenate(lows), np.concatenate(highs)
    complete = np.full(count, -1)
    complete[leaves] = np.arange(len(titles))
    depths = np.repeat(np.arange(depth + 1), [len(level) for level in tokens])
    longest = _maxima(lengths, 0, low, high)
    return Trie(
        list(titles),
        lengths,
        *(
            array.astype(np.int32)
            for array in (
                np.concatenate(tokens),
                above,
                stops - children,
                stops,
                complete,
                low,
                high,
                leaves,
                longest,
                depths,
            )
        ),
    )


def _maxima(values: NDArray[Any], least: float, lows: Ids, highs: Ids) -> NDArray[Any]:
    """The largest of `values` [M], none of which is below `least`, in each range from low to high: [N].

    Ranges of one level follow one another, so that all levels together cost a pass over the values each.
    """
    padded = np.append(values, np.array(least, values.dtype))
    largest: NDArray[Any] = np.maximum.reduceat(padded, np.stack([lows, highs], 1).ravel())[::2]
    return largest


def without_certain_ends(titles: Sequence[Title]) -> list[Title]:
    """Each title up to the first token that no other title has there; what follows is certain.

    `titles` must be distinct and sorted. Raises ValueError where one is the beginning of another, since no
    token tells that it ends.
    """
    arrays = [np.array(title, np.int32) for title in titles]
    shared = [0, *(common(one, other) for one, other in pairwise(arrays)), 0]
    lengths = [1 + max(pair) for pair in pairwise(shared)]
    for title, length in zip(titles, lengths, strict=True):
        if length > len(title):
            raise ValueError(
                f"The title {title} is the beginning of another: the score 'catalogue' needs titles that "
                "end with a token of their own."
            )
    return [title[:length] for title, length in zip(titles, lengths, strict=True)]


def _ranges(starts: Ids, sizes: Ids) -> Ids:
    """start, start + 1 … for each pair, one behind the other."""
    offsets = np.repeat(starts - np.append(0, np.cumsum(sizes))[:-1], sizes)
    return (offsets + np.arange(int(sizes.sum()))).astype(np.int32)


def trie_rows(titles: Sequence[Title], width: int) -> list[Tree]:
    """Trees of at most `width` nodes (more only for a longer title) with every edge but the first ones.

    The first token of a title is predicted by the prompt alone, so a title of one token is in no row.
    `titles` must be sorted, so that those which share a beginning are neighbours; owners are their indices.
    """
    arrays = [np.array(title, np.int32) for title in titles]
    rows: list[Tree] = []
    first, size = 0, 0
    for index, array in enumerate(arrays):
        cost = len(array) - 1
        if index > first:
            cost -= common(arrays[index - 1][:-1], array[:-1])
        if size and size + cost > width:
            rows.append(_row(arrays, first, index))
            first, size, cost = index, 0, len(array) - 1
        size += cost
    rows.append(_row(arrays, first, len(arrays)))
    return [row for row in rows if len(row)]


def _row(arrays: Sequence[Ids], first: int, stop: int) -> Tree:
    tree = merge(arrays[first:stop], [1] * (stop - first))
    return Tree(
        tree.token_ids, tree.depths, tree.ends, tree.sources, tree.labels, tree.owners + np.int32(first)
    )
