"""The catalogue loss: a token's softmax runs over the tokens that the catalogue's trie allows there only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from promptrec_tui.tokentree.backbone import picked_among
from promptrec_tui.tokentree.tree import Ids, Tree, merge
from promptrec_tui.tokentree.trie import Trie, build_trie, without_certain_ends


@dataclass(frozen=True, eq=False)
class Choices:
    """The branching nodes of a catalogue's trie as training targets, and the temperature of the softmax."""

    trie: Trie
    """The trie of the distinct titles, each cut after its last branching node."""
    places: Ids  # [N]: the index in the trie of each title of the catalogue
    temperature: float

    def tree(self, prompts: Sequence[Sequence[int]], answers: Sequence[int]) -> Tree:
        """One tree of `prompts`, each followed by the catalogue's title of that index in `answers`.

        Owners are positions in `prompts`. Titles are cut after their last branching node. Only choices at
        branching nodes are edges, and their labels are nodes of the trie, not tokens. In a catalogue of one
        title each title has one edge, of probability 1.
        """
        titles = self.places[list(answers)]
        sequences = [
            (*prompt, *self.trie.titles[title]) for prompt, title in zip(prompts, titles, strict=True)
        ]
        starts = np.array([len(prompt) for prompt in prompts])
        tree = merge(sequences, starts.tolist())
        places = tree.depths[tree.sources] + 1 - starts[tree.owners]  # position of each label in its title
        owned = titles[tree.owners]
        nodes = self.trie.lines[owned, places]
        chosen = self.trie.branching[self.trie.parents[nodes]] | (places == self.trie.lengths[owned] - 1)
        return replace(tree, labels=nodes).only(chosen)

    def logs(self, model: Any, hidden: Tensor, nodes: Ids) -> Tensor:
        """log P of each of `nodes` [E] among its siblings, after the hidden states [E, H], in fp32: [E]."""
        above = self.trie.parents[nodes]
        rows, siblings = self.trie.below(above)
        logs = picked_among(model, hidden, rows, self.trie.tokens[siblings], self.temperature)
        return logs[np.flatnonzero(siblings == nodes[rows])]


def choices_of(catalogue: Sequence[Sequence[int]], temperature: float = 1.0) -> Choices:
    """The choices of a catalogue of token ids. Raises ValueError where one title begins another."""
    titles = [tuple(title) for title in catalogue]
    distinct = sorted(set(titles))
    place = {title: index for index, title in enumerate(distinct)}
    places = np.array([place[title] for title in titles], np.int32)
    return Choices(build_trie(without_certain_ends(distinct)), places, temperature)
