"""Exact log-probabilities of the titles of a catalogue after a prompt, and the rankings they give."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptrec_tui.tokentree.backbone import (
    causal_of,
    evaluating,
    free_bytes,
    moves,
    picked,
    picked_among,
    reach,
    shape_of,
    virtual_count,
    within_memory,
)
from promptrec_tui.tokentree.batched import batched_scores, batches
from promptrec_tui.tokentree.evidence import Evidence
from promptrec_tui.tokentree.places import NotANumberError, Place, top_of
from promptrec_tui.tokentree.prefix import Prefix
from promptrec_tui.tokentree.questions import aim_at, place_among, place_in_search, scores_in
from promptrec_tui.tokentree.search import Aim, Search
from promptrec_tui.tokentree.sizes import SMALLEST, batch_size, ranking_sizes, search_room
from promptrec_tui.tokentree.sweep import (
    catalogue_scores,
    openings,
    read_in_batches,
    read_in_rows,
    vocabulary_scores,
)
from promptrec_tui.tokentree.tree import Ids, Tree, pack
from promptrec_tui.tokentree.trie import build_trie, trie_rows, without_certain_ends

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

Score = Literal["sum", "mean", "catalogue"]

SHARE = 4
"""A search reads no more than one node in so many: scoring the open titles all at once is then faster."""


class Ranker:
    """Ranks all titles of a catalogue by the exact log P of their tokens, given a prompt.

    By `score` P of a token is its share among all tokens, and a title has the "sum" of log P or the "mean"
    over its tokens; or, for "catalogue", its share among the tokens that some title of the catalogue has
    after the same beginning. Then all distinct titles share a probability of 1, those that a question
    excludes too; where one token alone is possible it is certain, and from there on no title is read further
    than to its last choice.

    The prompt is read once. `top_k` and `rank_of` then search the trie of the titles best first and read the
    few beginnings that matter; what a search leaves open, and `scores`, is read in rows of whole subtrees.
    Titles of equal tokens are scored once and share their ranks as ties. With evidence items are ranked by
    the weighted score and a bonus of each, exactly too.

    `model` is a causal language model of transformers, or peft around one; its weights are read at each call,
    so one ranker serves a whole training. `catalogue` holds one non-empty sequence of token ids a title: a
    handful of answers (yes and no, labels, ratings) is a catalogue like any other.
    """

    def __init__(
        self,
        model: "PreTrainedModel | PeftModel",
        catalogue: Sequence[Sequence[int]],
        score: Score = "sum",
    ) -> None:
        """Raises ValueError for an empty title, for an attention or positions that cannot take a tree, and
        for the score "catalogue" where a title begins another."""
        if not catalogue or not all(len(title) for title in catalogue):
            raise ValueError("A catalogue needs at least one title, and each title at least one token.")
        attention = model.config._attn_implementation
        if attention not in ("sdpa", "eager"):
            raise ValueError(f"Ranking needs the attention implementation sdpa or eager, not {attention}.")
        if moves(model):
            raise ValueError("Ranking needs positions that do not change with the length of a text.")
        self.model = model
        self.device: torch.device = model.device
        self.score = score
        titles = [tuple(title) for title in catalogue]
        distinct = sorted(set(titles))
        place = {title: index for index, title in enumerate(distinct)}
        self.places = np.array([place[title] for title in titles], np.int32)
        self.copies = np.bincount(self.places)[self.places]
        """How many titles of the catalogue have the tokens of each: [N]."""
        if score == "catalogue":
            distinct = without_certain_ends(distinct)  # in the same order, and distinct still
        self.trie = build_trie(distinct)
        self.shape = shape_of(model)
        sizes = ranking_sizes(self.shape, free_bytes(self.device))
        self.row_width, self.width = sizes.row, sizes.width
        self.users = sizes.users
        """Prompts that `top_k_each` and `rank_each` work on at a time, at most."""
        self.limit = min(self.trie.inner // SHARE, sizes.limit)
        self.batch = sizes.batch
        self.rows = trie_rows(distinct, self.row_width)
        self.longest = int(self.trie.lengths.max())
        virtual = virtual_count(model)
        self.context: int = causal_of(model).config.max_position_embeddings - virtual
        self.reach = reach(model) - virtual
        self.tick: Callable[[], None] = lambda: None
        """Called before each forward of a search or a sweep; an exception from it ends the search."""
        self.nodes_read = 0
        """Nodes of the trie that all searches and sweeps in trees have read so far."""

    def scores(
        self, prompt: Sequence[int], exclude: Sequence[int] = (), evidence: Evidence | None = None
    ) -> Tensor:
        """The score of each title after `prompt`: fp32 [N] on the CPU, fp64 with `evidence`; -inf at the
        indices `exclude`.

        Raises ValueError when the prompt is empty, or leaves no room in the context for the longest title;
        NoMemoryError, as all other questions do, when there is none for it.
        """
        if evidence is None:
            scores = torch.from_numpy(self._all(prompt, exclude))
        else:
            scores = torch.from_numpy(evidence.weigh(partial(self._all, prompt, exclude)))
        if len(exclude):
            scores[torch.as_tensor(list(exclude))] = -math.inf
        return scores

    def _all(self, prompt: Sequence[int], exclude: Sequence[int]) -> NDArray[np.float32]:
        """The scores by the model alone, undefined for `exclude`: [N]."""
        self._check(prompt)
        wanted = np.ones(len(self.trie.titles), np.bool_)
        if 2 * len(exclude) > len(self.places):  # else it is not worth other rows
            wanted = aim_at(self.trie, self.places, exclude, None).counts > 0
        with evaluating(self.model):
            if self._slides(prompt):
                distinct = within_memory(partial(self._batched, prompt), self._smaller_batch)
            else:
                distinct = self._swept(prompt, wanted, [])
        return self._scaled(distinct)[self.places]

    def probabilities(self, prompt: Sequence[int]) -> Tensor:
        """How likely each title is if the answer is one of them: fp32 [N], adding to 1."""
        return torch.softmax(self.scores(prompt), dim=0)

    def top_k(
        self, prompt: Sequence[int], k: int, exclude: Sequence[int] = (), evidence: Evidence | None = None
    ) -> list[tuple[int, float]]:
        """The `k` best (title index, score), best first, without `exclude`; fewer when the catalogue ends.

        Raises NotANumberError when the model answers NaN.
        """
        return self.top_k_each([prompt], k, [exclude], [evidence])[0]

    def top_k_each(
        self,
        prompts: Sequence[Sequence[int]],
        k: int,
        excludes: Sequence[Sequence[int]],
        evidences: Sequence[Evidence | None] = (),
    ) -> list[list[tuple[int, float]]]:
        """`top_k` for each of several prompts."""
        asked = list(zip(prompts, excludes, evidences or [None] * len(prompts), strict=True))
        aims = [aim_at(self.trie, self.places, exclude, each, k=k) for _, exclude, each in asked]
        rankings = []
        for search, (prompt, exclude, each) in zip(self._answers(prompts, aims), asked, strict=True):
            scores = scores_in(search, self.places, exclude) if search else self.scores(prompt, exclude, each)
            if torch.isnan(scores).any() or (search and search.broken):
                raise NotANumberError
            rankings.append(top_of(scores, k))
        return rankings

    def rank_of(
        self,
        prompt: Sequence[int],
        target: int,
        exclude: Sequence[int] = (),
        cap: int | None = None,
        evidence: Evidence | None = None,
    ) -> float:
        """`1 + better + equal/2` of the title `target` among those not in `exclude` (itself always counts).

        A rank beyond `cap` is inf; the search stops as soon as that is sure. NaN when the model answers NaN.
        """
        return self.rank_each([prompt], [target], [exclude], cap, [evidence])[0]

    def rank_each(
        self,
        prompts: Sequence[Sequence[int]],
        targets: Sequence[int],
        excludes: Sequence[Sequence[int]],
        cap: int | None = None,
        evidences: Sequence[Evidence | None] = (),
    ) -> list[float]:
        """`rank_of` for each of several prompts."""
        places = self.places_each(prompts, targets, excludes, cap, evidences=evidences)
        return [place.rank for place in places]

    def places_each(
        self,
        prompts: Sequence[Sequence[int]],
        targets: Sequence[int],
        excludes: Sequence[Sequence[int]],
        cap: int | None = None,
        margin: float = 0.0,
        evidences: Sequence[Evidence | None] = (),
    ) -> list[Place]:
        """`rank_of` for each of several prompts, and how far it can be trusted.

        Best and worst are the ranks if all titles whose scores are no more than `margin` from the target's
        were behind it, or ahead; titles of the very same tokens stay ties. With a `cap`, or evidence, both
        are the rank.
        """
        evidences = evidences or [None] * len(prompts)
        left_out = [
            [index for index in exclude if index != target]
            for target, exclude in zip(targets, excludes, strict=True)
        ]
        aims = [
            aim_at(
                self.trie,
                self.places,
                out,
                each,
                target,
                cap=math.inf if cap is None else cap,
                margin=margin if cap is None and each is None else 0.0,
            )
            for out, target, each in zip(left_out, targets, evidences, strict=True)
        ]
        answers = self._answers(prompts, aims)
        places = []
        for search, prompt, aim, target, out, each in zip(
            answers, prompts, aims, targets, left_out, evidences, strict=True
        ):
            if search is not None:
                places.append(place_in_search(search, cap))
                continue
            twins = torch.from_numpy(self.places == aim.target)
            places.append(place_among(self.scores(prompt, out, each), target, twins, cap, aim.margin))
        return places

    def _answers(self, prompts: Sequence[Sequence[int]], aims: Sequence[Aim]) -> list[Search | None]:
        """A finished search for each prompt; None where windows are too short, or the model has no weight."""
        for prompt in prompts:
            self._check(prompt)
        answers: list[Search | None] = [None] * len(prompts)
        todo = [
            index for index, prompt in enumerate(prompts) if aims[index].asks and not self._slides(prompt)
        ]
        with evaluating(self.model):
            while todo:
                attempt = partial(self._search_first, prompts, aims, todo)
                searches, read = within_memory(attempt, partial(self._fewer, len(todo)))
                for index, search in zip(todo, searches, strict=False):
                    self._finish(search, prompts[index], read)
                    answers[index] = search
                read.clear()  # before the next prompts take as much
                todo = todo[len(searches) :]
        return answers

    def _search_first(
        self, prompts: Sequence[Sequence[int]], aims: Sequence[Aim], todo: Sequence[int]
    ) -> tuple[list[Search], list[Prefix]]:
        """Searches for as many of the first prompts of `todo` as there is memory for, each read up to its
        limit; and what was read where that is one prompt."""
        group = todo[: self.users]
        longest = max(len(prompts[index]) for index in group)
        users, limit = search_room(
            self.shape,
            free_bytes(self.device),
            prompt=longest,
            row=self.row_width,
            limit=self.limit,
            users=len(group),
        )
        group = group[:users]
        searches = [Search(self.trie, aims[index], self.score == "mean", limit) for index in group]
        prefix = Prefix(self.model, [prompts[index] for index in group], limit + self.longest)
        self._search(prefix, searches)
        return searches, [prefix] if len(group) == 1 else []

    def _search(self, prefix: Prefix, searches: Sequence[Search]) -> None:
        among = self.score == "catalogue"
        logs = openings(self.model, self.trie, prefix.first, among).cpu().numpy()
        for search, row in zip(searches, logs, strict=True):
            search.begin(row.astype(np.float64))
        fixed = all(search.aim.target >= 0 and search.aim.cap == math.inf for search in searches)
        width = self.row_width if fixed else self.width
        # Several users fill the pool together, each round as far as the one with the most nodes needs it.
        while (room := prefix.room) and any(
            expansions := [search.select(min(width, room)) for search in searches]
        ):
            self.tick()
            hidden = prefix.expand(expansions)
            for search, expansion, states in zip(searches, expansions, hidden, strict=True):
                if expansion is None:
                    continue
                self.nodes_read += len(expansion.tokens)
                states = states[: len(expansion.tokens)]
                edge_logs = self._picked(states, expansion.rows, expansion.labels)
                search.update(edge_logs.cpu().numpy().astype(np.float64))

    def _finish(self, search: Search, prompt: Sequence[int], read: list[Prefix]) -> None:
        """Score what a search has left open; `read` holds the prompt where it was read, and is used up."""
        left = search.open_titles()
        if left.any() and not search.broken and search.better_and_equal()[0] < search.aim.cap:
            scores = self._scaled(self._swept(prompt, left, read))
            titles = np.flatnonzero(left).astype(np.int32)
            search.add(titles, scores[titles].astype(np.float64))

    def _swept(
        self, prompt: Sequence[int], wanted: NDArray[np.bool_], read: list[Prefix]
    ) -> NDArray[np.float32]:
        """`_sweep` of a prompt, in narrower rows where memory is short. `read` as for `_finish`."""

        def attempt() -> NDArray[np.float32]:
            prefix = read.pop() if read else Prefix(self.model, [prompt], self.row_width)
            prefix.rewind()
            return self._sweep(prefix, wanted)

        return within_memory(attempt, self._narrower)

    def _batched(self, prompt: Sequence[int]) -> NDArray[np.float32]:
        size = batch_size(self.shape, free_bytes(self.device), prompt=len(prompt), batch=self.batch)
        scores: NDArray[np.float32]
        if self.score != "catalogue":
            scores = batched_scores(self.model, prompt, self.trie.titles, size, self.tick).cpu().numpy()
            return scores
        first, rest = batches(self.model, prompt, self.trie.titles, size, self.tick)
        return catalogue_scores(self.model, self.trie, first, read_in_batches(self.trie, rest))

    def _fewer(self, asked: int) -> bool:
        """Search for half as many of `asked` prompts from now on; for one, read half as much at once."""
        now = min(self.users, asked)
        if now > 1:
            self.users = now // 2
            return True
        return self._narrower()

    def _narrower(self) -> bool:
        """From now on rows of half the nodes, and searches of half the length; False when that is too few."""
        if self.row_width <= SMALLEST:
            return False
        self.row_width = max(SMALLEST, self.row_width // 2)
        self.width = min(self.width, self.row_width)
        self.limit //= 2
        self.rows = trie_rows(self.trie.titles, self.row_width)
        return True

    def _smaller_batch(self) -> bool:
        if self.batch == 1:
            return False
        self.batch //= 2
        return True

    def _sweep(self, prefix: Prefix, wanted: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Sum of log P of the `wanted` titles [M] after the only prompt, read in rows of subtrees: [M]."""
        rows = self.rows
        if not wanted.all():
            parts = [row.only(wanted[row.owners]) for row in rows if wanted[row.owners].any()]
            rows = pack(parts, self.row_width)
        read = ((self._read(prefix, row), row) for row in rows)
        if self.score == "catalogue":
            return catalogue_scores(self.model, self.trie, prefix.first, read_in_rows(self.trie, read))
        return vocabulary_scores(self.model, self.trie, prefix.first, read)

    def _read(self, prefix: Prefix, row: Tree) -> Tensor:
        self.tick()
        self.nodes_read += len(row)
        return prefix.read(row)

    def _picked(self, hidden: Tensor, sources: Ids, labels: Ids) -> Tensor:
        """log P of `labels` [E] after `sources` [E], which are all the children of trie nodes: [E]."""
        if self.score == "catalogue":
            return picked_among(self.model, hidden, sources, labels)
        return picked(self.model, hidden, self._ids(sources), self._ids(labels))

    def _ids(self, array: Ids) -> Tensor:
        return torch.from_numpy(array).to(self.device, torch.long)

    def _scaled(self, sums: NDArray[np.float32]) -> NDArray[np.float32]:
        return (sums / self.trie.lengths).astype(np.float32) if self.score == "mean" else sums

    def _slides(self, prompt: Sequence[int]) -> bool:
        """Whether a layer would lose sight of the prompt before a title ends."""
        return len(prompt) + self.longest > self.reach

    def _check(self, prompt: Sequence[int]) -> None:
        if not len(prompt):
            raise ValueError("A prompt needs at least one token.")
        if len(prompt) + self.longest > self.context:
            raise ValueError(
                f"A prompt of {len(prompt)} tokens and a title of {self.longest} do not fit "
                f"the model's context of {self.context}."
            )
