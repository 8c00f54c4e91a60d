"""Token sequences merged at shared prefixes: a tree that one forward pass reads as a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tree:
    """T nodes in depth-first order, and E edges: tokens to predict, each after one of the nodes.

    A node is a token that is read; the last token of a sequence is only ever predicted. There may be several
    roots. Node j is node i or one of its ancestors where j <= i < ends[j]; these are what node i sees.
    """

    token_ids: Ids  # [T]
    depths: Ids  # [T], 0 for a root: the position in the sequence
    ends: Ids  # [T], the nodes under node i are i + 1 .. ends[i] - 1
    sources: Ids  # [E], the node after which the label is predicted
    labels: Ids  # [E], token ids
    owners: Ids  # [E], the sequence that the edge belongs to

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def branches(self) -> bool:
        """Whether it is more than one plain sequence, for which a causal mask is enough."""
        return bool((self.ends != len(self)).any())

    def only(self, edges: NDArray[np.bool_]) -> "Tree":
        """The tree of the chosen edges [E] and the nodes that they depend on."""
        sources = self.sources[edges]
        # The number of chosen sources before each node: a node stays if it or a descendant is a source.
        before = np.append(0, np.cumsum(np.bincount(sources, minlength=len(self))))
        kept = before[self.ends] > before[:-1]
        places = np.append(0, np.cumsum(kept)).astype(np.int32)
        return Tree(
            self.token_ids[kept],
            self.depths[kept],
            places[self.ends[kept]],
            places[sources],
            self.labels[edges],
            self.owners[edges],
        )

    def part(self, first: int, stop: int) -> "Tree":
        """The tree of the owners first .. stop - 1."""
        return self.only((self.owners >= first) & (self.owners < stop))


def merge(sequences: Sequence[ArrayLike], starts: Sequence[int]) -> Tree:
    """One tree of all `sequences`, owners being their indices. Of sequence i the tokens from `starts[i]` on,
    at least 1, are edges.

    A shared prefix is one path of nodes. Each owner keeps its own edges, even if two predict the same token
    after the same node.
    """
    arrays = [np.asarray(sequence, np.int32) for sequence in sequences]
    # As big-endian bytes, sequences sort like tuples of ids: those with a shared prefix are neighbours.
    order = sorted(range(len(arrays)), key=lambda index: arrays[index].astype(">i4").tobytes())
    nothing = np.empty(0, np.int32)
    tokens, depths, sources, labels, owners = [nothing], [nothing], [nothing], [nothing], [nothing]
    ends = np.empty(sum(map(len, arrays)), np.int32)
    path = np.empty(max(map(len, arrays), default=0), np.int32)  # the latest sequence's nodes, root first
    latest = nothing
    count = 0
    for index in order:
        sequence, start = arrays[index], starts[index]
        read = sequence[:-1]
        shared = common(latest, read)
        ends[path[shared : len(latest)]] = count
        path[shared : len(read)] = np.arange(count, count + len(read) - shared)
        tokens.append(read[shared:])
        depths.append(np.arange(shared, len(read), dtype=np.int32))
        sources.append(path[start - 1 : len(read)].copy())
        labels.append(sequence[start:])
        owners.append(np.full(len(sequence) - start, index, np.int32))
        count += len(read) - shared
        latest = read
    ends[path[: len(latest)]] = count
    joined = [np.concatenate(parts) for parts in (tokens, depths, sources, labels, owners)]
    return Tree(joined[0], joined[1], ends[:count].copy(), *joined[2:])


def common(one: Ids, other: Ids) -> int:
    """The length of the common prefix of two sequences."""
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    return int(differs.argmax()) if differs.any() else length


def join(trees: Sequence[Tree]) -> Tree:
    """Concatenate trees; none sees another. Owners are unchanged."""
    offsets = np.cumsum([0, *map(len, trees)], dtype=np.int32)[:-1]
    return Tree(
        np.concatenate([tree.token_ids for tree in trees]),
        np.concatenate([tree.depths for tree in trees]),
        np.concatenate([tree.ends + offset for tree, offset in zip(trees, offsets, strict=True)]),
        np.concatenate([tree.sources + offset for tree, offset in zip(trees, offsets, strict=True)]),
        np.concatenate([tree.labels for tree in trees]),
        np.concatenate([tree.owners for tree in trees]),
    )


def split(tree: Tree, width: int) -> list[Tree]:
    """Split into parts of at most `width` nodes (more only for a single owner); each has its own prefix."""
    owners = np.unique(tree.owners)
    if len(tree) <= width or len(owners) == 1:
        return [tree]
    middle = tree.owners < owners[len(owners) // 2]
    return [*split(tree.only(middle), width), *split(tree.only(~middle), width)]


def pack(trees: Iterable[Tree], width: int) -> list[Tree]:
    """Rows of at most `width` nodes (more only for a wider tree), each of several trees.

    First fit decreasing: at most 22 % more rows than the minimum, plus one.
    """
    rows: list[list[Tree]] = []
    room: list[int] = []
    for tree in sorted(trees, key=len, reverse=True):
        place = next((row for row, free in enumerate(room) if free >= len(tree)), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(width)
        rows[place].append(tree)
        room[place] -= len(tree)
    return [join(row) for row in rows]
