"""Training over a catalogue: a title's tokens compete with those alone that other titles have there."""

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
    """The choices that the titles of a catalogue leave, after the softmax at a temperature."""

    trie: Trie
    """Of distinct titles without their certain ends."""
    places: Ids  # [N], the title of the trie that each of the catalogue is
    temperature: float

    def tree(self, prompts: Sequence[Sequence[int]], answers: Sequence[int]) -> Tree:
        """One tree of prompts with titles of the catalogue behind them, by index; owners are their places.

        Each title ends where it is certain, and only choices are edges: their labels are the nodes of the
        trie that are chosen, not tokens. A catalogue of one title has one edge a title, which is certain.
        """
        titles = self.places[list(answers)]
        sequences = [
            (*prompt, *self.trie.titles[title]) for prompt, title in zip(prompts, titles, strict=True)
        ]
        starts = np.array([len(prompt) for prompt in prompts])
        tree = merge(sequences, starts.tolist())
        places = tree.depths[tree.sources] + 1 - starts[tree.owners]  # of each label in its title
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
