"""Scores of whole subtrees of a catalogue's trie, from the hidden states after its nodes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptrec_tui.tokentree.backbone import logits_of, picked, picked_among
from promptrec_tui.tokentree.tree import Ids, Tree
from promptrec_tui.tokentree.trie import Trie

Read = tuple[Tensor, NDArray[np.integer[Any]], Ids]
"""Hidden states [T, H], n increasing positions in them, and the trie node of each position."""


def openings(model: Any, trie: Trie, first: Tensor, among: bool) -> Tensor:
    """log P of the first tokens of titles, after the hidden states `first` [U, H], in fp32: [U, C].

    Among all tokens, or with `among` among these alone.
    """
    tokens = torch.from_numpy(trie.tokens[trie.starts[0] : trie.stops[0]]).to(first.device, torch.long)
    if among:
        return torch.log_softmax(logits_of(model, first, tokens), dim=-1)
    return torch.log_softmax(logits_of(model, first), dim=-1)[:, tokens]


def vocabulary_scores(
    model: Any, trie: Trie, first: Tensor, rows: Iterable[tuple[Tensor, Tree]]
) -> NDArray[np.float32]:
    """Sum of log P over the tokens of each title, [M], with the softmax over the whole vocabulary.

    `first` [1, H]: the state after the prompt; `rows`: the states of trees with the edges that count, whose
    owners are titles.
    """
    device = first.device
    roots = np.arange(trie.starts[0], trie.stops[0])
    below = torch.from_numpy(trie.highs[roots] - trie.lows[roots]).to(device, torch.long)
    scores = torch.repeat_interleave(openings(model, trie, first, among=False)[0], below)
    for hidden, row in rows:
        order = np.argsort(row.sources, kind="stable")
        sources, labels, owners = (
            torch.from_numpy(array[order]).to(device, torch.long)
            for array in (row.sources, row.labels, row.owners)
        )
        scores.index_add_(0, owners, picked(model, hidden, sources, labels))
    flat: NDArray[np.float32] = scores.cpu().numpy()
    return flat


def catalogue_scores(model: Any, trie: Trie, first: Tensor, read: Iterable[Read]) -> NDArray[np.float32]:
    """Sum of log P over the tokens of each title, [M], with the softmax over the tokens that the trie allows.

    `first` [1, H]: the state after the prompt. The score of a title is undefined unless all its branching
    nodes are in `read`.
    """
    logs = np.zeros(len(trie.tokens))  # of each node, among its siblings
    logs[trie.starts[0] : trie.stops[0]] = openings(model, trie, first, among=True)[0].cpu().numpy()
    for hidden, places, nodes in read:
        branches = np.flatnonzero(trie.branching[nodes])
        # Titles of one batch may share prefixes.
        chosen = branches[np.sort(np.unique(nodes[branches], return_index=True)[1])]
        owners, children = trie.below(nodes[chosen])
        among = picked_among(model, hidden, places[chosen][owners], trie.tokens[children])
        logs[children] = among.cpu().numpy()
    # After the end of a title its line holds the root, whose log is 0.
    scores: NDArray[np.float32] = logs[trie.lines].sum(axis=1).astype(np.float32)
    return scores


def read_in_rows(trie: Trie, rows: Iterable[tuple[Tensor, Tree]]) -> Iterator[Read]:
    """The trie nodes of the sources in packed trees."""
    for hidden, row in rows:
        places, edges = np.unique(row.sources, return_index=True)
        yield hidden, places, trie.lines[row.owners[edges], row.depths[places]]


def read_in_batches(trie: Trie, batches: Iterable[tuple[Tensor, Sequence[int]]]) -> Iterator[Read]:
    """The trie nodes of titles in plain batches. The last token of a title is not read."""
    for hidden, titles in batches:
        width = hidden.shape[1]
        read = np.arange(width) < trie.lengths[titles][:, None] - 1
        yield hidden.flatten(0, 1), np.flatnonzero(read), trie.lines[titles, :width][read]
