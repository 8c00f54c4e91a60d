"""Token sequences that start alike, merged into rows that one forward pass can score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class TrieRow:
    """Some sequences of a catalogue as one row of T tree nodes and E scored edges.

    A node is a token that another token follows; a last token is only ever a label. Nodes lie in depth-first
    order. `mask[i, j]` says that node i sees node j: j is i or one of its ancestors.
    """

    token_ids: Ids  # [T]
    depths: Ids  # [T], 0 for a first token
    mask: NDArray[np.bool_]  # [T, T]
    sources: Ids  # [E], the node after which the label is predicted
    labels: Ids  # [E], token ids
    owners: Ids  # [E], index of the sequence that the edge belongs to


def pack_rows(sequences: Sequence[tuple[int, ...]], width: int) -> list[TrieRow]:
    """Rows of at most `width` nodes (more only for a longer sequence) with every edge but the first ones.

    The first token of a sequence is predicted by the prompt alone, so a sequence of one token is in no row.
    `sequences` must be sorted: then those that share a prefix are neighbours, and the tree is a stack.
    """
    rows: list[TrieRow] = []
    builder = _Builder()
    for owner, sequence in enumerate(sequences):
        if builder.nodes and len(builder.nodes) + builder.cost(sequence) > width:
            rows.append(builder.row())
            builder = _Builder()
        builder.add(owner, sequence)
    return [*rows, builder.row()] if builder.nodes else rows


class _Builder:
    """One row while it is filled."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, int, int]] = []  # token, depth, parent (-1 for none)
        self.edges: list[tuple[int, int, int]] = []  # source, label, owner
        self.path: list[int] = []  # nodes of the latest sequence, root first

    def shared(self, sequence: tuple[int, ...]) -> int:
        """How many leading nodes of `sequence` the latest sequence has already."""
        count = 0
        for node, token in zip(self.path, sequence[:-1], strict=False):
            if self.nodes[node][0] != token:
                break
            count += 1
        return count

    def cost(self, sequence: tuple[int, ...]) -> int:
        """Nodes that adding `sequence` takes."""
        return len(sequence) - 1 - self.shared(sequence)

    def add(self, owner: int, sequence: tuple[int, ...]) -> None:
        depth = self.shared(sequence)
        del self.path[depth:]
        for token in sequence[depth:-1]:
            self.nodes.append((token, len(self.path), self.path[-1] if self.path else -1))
            self.path.append(len(self.nodes) - 1)
        self.edges += [(node, label, owner) for node, label in zip(self.path, sequence[1:], strict=True)]

    def row(self) -> TrieRow:
        tokens, depths, parents = np.array(self.nodes, np.int64).T
        sources, labels, owners = np.array(self.edges, np.int64).T
        mask = np.eye(len(tokens), dtype=np.bool_)
        for node, parent in enumerate(parents):
            if parent >= 0:
                mask[node] |= mask[parent]
        return TrieRow(tokens, depths, mask, sources, labels, owners)
