"""Rankings by the model and other evidence, against brute force over every item.

First the search alone on random tries with a model that is a table (sums are exact there), then the ranker.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from promptrec_tui.tokentree.evidence import Evidence, Floats
from promptrec_tui.tokentree.places import rank_in, top_of
from promptrec_tui.tokentree.questions import aim_at, scores_in
from promptrec_tui.tokentree.ranker import Ranker, Score
from promptrec_tui.tokentree.search import Search
from promptrec_tui.tokentree.trie import Title, build_trie
from tests.tokentree.test_search import Question

NO_LIMIT = 10**6


@dataclass(frozen=True)
class Weighed:
    """A question about items: `places` says which title each has, and several may have one title."""

    question: Question
    places: list[int]
    exclude: list[int]
    weight: float
    bonus: list[float]

    def scores(self) -> Floats:
        """By the definition; -inf for what is left out."""
        logs = np.array([self.question.score(place) for place in self.places])
        scores: Floats = self.weight * logs + np.array(self.bonus)
        scores[self.exclude] = -np.inf
        return scores

    def searched(self, width: int, limit: int = NO_LIMIT, **aim: Any) -> Search:
        """A search that is complete, its open titles read at the end."""
        trie = build_trie(self.question.titles)
        evidence = Evidence(self.weight, np.array(self.bonus))
        asked = aim_at(trie, np.array(self.places, np.int32), self.exclude, evidence, **aim)
        search = self.question.run(Search(trie, asked, self.question.normalised, limit), width)
        left = np.flatnonzero(search.open_titles()).astype(np.int32)
        search.add(left, np.array([self.question.score(index) for index in left.tolist()]))
        return search


@st.composite
def weighed(draw: st.DrawFn) -> Weighed:
    """Titles that begin others, several items of one title, some left out; bonuses in eighths tie often."""
    title = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)
    titles = sorted(draw(st.sets(title, min_size=1, max_size=30)))
    levels = draw(st.sampled_from([1, 3, 9, 1000]))
    question = Question(titles, [1] * len(titles), levels, draw(st.integers(0, 255)), draw(st.booleans()))
    chance = random.Random(draw(st.integers(0, 10**6)))
    places = [*range(len(titles)), *(chance.randrange(len(titles)) for _ in range(draw(st.integers(0, 10))))]
    chance.shuffle(places)
    exclude = [item for item in range(len(places)) if chance.random() < draw(st.sampled_from([0, 0.3]))]
    spread = draw(st.sampled_from([0, 2, 100]))
    bonus = [chance.randint(-spread, spread) / 8 for _ in places]
    return Weighed(question, places, exclude, draw(st.sampled_from([0, 0.25, 1, 4])), bonus)


widths = st.sampled_from([1, 3, 100])
limits = st.sampled_from([0, 2, 5, NO_LIMIT])


@settings(deadline=None, max_examples=200)
@given(weighed(), st.sampled_from([1, 2, 5, 100]), widths, limits)
def test_the_best_items_are_those_of_brute_force(asked: Weighed, k: int, width: int, limit: int) -> None:
    search = asked.searched(width, limit, k=k)
    places = np.array(asked.places, np.int32)
    scores = torch.from_numpy(asked.scores())
    assert top_of(scores_in(search, places, asked.exclude), k) == top_of(scores, k)


@settings(deadline=None, max_examples=200)
@given(weighed(), st.integers(0, 10**6), st.sampled_from([None, 1, 3]), widths, limits)
def test_ranks_are_those_of_brute_force(
    asked: Weighed, target: int, cap: int | None, width: int, limit: int
) -> None:
    target %= len(asked.places)
    asked.exclude[:] = [item for item in asked.exclude if item != target]
    scores = torch.from_numpy(asked.scores())
    search = asked.searched(width, limit, target=target, cap=math.inf if cap is None else cap)
    better, equal = search.better_and_equal()
    assert search.floor == scores[target]
    if cap is None or better < cap:
        assert 1 + better + (equal - 1) / 2 == rank_in(scores, target)
    else:
        assert (scores > scores[target]).sum() >= cap


def test_strong_evidence_spares_reading() -> None:
    """One item is far ahead by its bonus: of 30 beginnings that are alike to the model one is read."""
    titles: list[Title] = [(first, second) for first in range(30) for second in range(30)]
    question = Question(titles, [1] * 900, 1, 0, False)
    bonus = [0.0] * 900
    assert Weighed(question, list(range(900)), [], 1.0, bonus).searched(1, k=1).slots == 30
    bonus[450] = 1.0
    assert Weighed(question, list(range(900)), [], 1.0, bonus).searched(1, k=1).slots == 1


TinyModel = Callable[..., PreTrainedModel]
COUNT = 200
_random = random.Random(2)
_ALPHABET = [5] * 12 + [6] * 8 + [7] * 5 + list(range(8, 30))
CATALOGUE = [[*_random.choices(_ALPHABET, k=_random.randrange(1, 7)), 2] for _ in range(COUNT - 20)]
CATALOGUE += CATALOGUE[:20]


def _questions(count: int) -> list[tuple[list[int], list[int], Evidence]]:
    """Prompts, items left out and evidence, from next to nothing to overwhelming."""
    chance = np.random.default_rng(5)
    made = []
    for _ in range(count):
        prompt = chance.integers(3, 97, chance.integers(1, 12)).tolist()
        exclude = chance.choice(COUNT, chance.integers(0, 60), replace=False).tolist()
        bonus = chance.normal(size=COUNT) * chance.choice([0.01, 0.1, 3.0])
        made.append((prompt, exclude, Evidence(float(chance.choice([0.0, 0.3, 1.0, 2.5])), bonus)))
    return made


@pytest.mark.parametrize("score", ["sum", "mean", "catalogue"])
@pytest.mark.parametrize("limit", [20, NO_LIMIT])
def test_a_ranker_answers_as_brute_force_over_all_items(
    tiny_model: TinyModel, score: Score, limit: int
) -> None:
    """200 pairs of prompt and evidence over the parameters; bonuses are continuous, so near ties are none."""
    ranker = Ranker(tiny_model("llama", num_hidden_layers=2), CATALOGUE, score)
    ranker.limit, ranker.width = limit, 16
    for number, (prompt, exclude, evidence) in enumerate(_questions(34)):
        plain = ranker.scores(prompt).double()
        whole = evidence.weight * plain + torch.from_numpy(evidence.bonus)
        scores = whole.clone()
        scores[exclude] = -math.inf
        best = ranker.top_k(prompt, 10, exclude, evidence)
        values = torch.tensor([value for _, value in best], dtype=torch.float64)
        torch.testing.assert_close(values, scores.sort(descending=True).values[:10], atol=2e-4, rtol=0)
        torch.testing.assert_close(scores[[item for item, _ in best]], values, atol=2e-4, rtol=0)
        target = (number * 7) % COUNT
        scores[target] = whole[target]
        for cap in (None, 10):
            rank = ranker.rank_of(prompt, target, exclude, cap, evidence)
            assert rank in _possible(scores, target, cap, 2e-4 if evidence.weight else 0.0)


def _possible(scores: torch.Tensor, target: int, cap: int | None, noise: float) -> set[float]:
    """The ranks of a target whose rivals may be off by rounding."""
    lowest = 1 + int((scores > scores[target] + noise).sum())
    highest = int((scores >= scores[target] - noise).sum())
    assert highest - lowest <= 3
    ranks = {lowest + half / 2 for half in range(2 * (highest - lowest) + 1)}
    return {math.inf if cap is not None and rank > cap else rank for rank in ranks}


def test_items_of_one_title_are_told_apart_by_their_bonus(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("llama"), CATALOGUE)
    one = next(item for item in range(20) if CATALOGUE.count(CATALOGUE[item]) == 2)
    twin = COUNT - 20 + one
    bonus = np.zeros(COUNT)
    bonus[twin] = 1e-6
    evidence = Evidence(1.0, bonus)
    assert ranker.rank_of([5, 6], one) == ranker.rank_of([5, 6], twin)
    first, second = (ranker.rank_of([5, 6], item, evidence=evidence) for item in (one, twin))
    assert first == second + 1


def test_without_bonus_and_with_weight_one_nothing_changes(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("qwen3"), CATALOGUE)
    evidence = Evidence(1.0, np.zeros(COUNT))
    plain, read = ranker.top_k([5, 9], 10, [3]), ranker.nodes_read
    both = ranker.top_k([5, 9], 10, [3], evidence)
    assert [item for item, _ in both] == [item for item, _ in plain]
    assert ranker.nodes_read == 2 * read
    assert ranker.rank_of([5, 9], 17, evidence=evidence) == ranker.rank_of([5, 9], 17)


def test_without_weight_the_model_is_not_asked(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("qwen3"), CATALOGUE)

    def tick() -> None:
        raise AssertionError("The model was read.")

    ranker.tick = tick
    evidence = Evidence(0.0, np.arange(COUNT, dtype=np.float64))
    assert [item for item, _ in ranker.top_k([5], 3, [199], evidence)] == [198, 197, 196]
    assert ranker.rank_of([5], 190, evidence=evidence) == 10
    assert ranker.rank_of([5], 190, cap=9, evidence=evidence) == math.inf
    assert ranker.nodes_read == 0


def test_evidence_holds_under_sliding_windows(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("mistral", sliding_window=8), CATALOGUE)
    bonus = np.random.default_rng(0).normal(size=COUNT)
    evidence, prompt = Evidence(0.5, bonus), [5, 9, 7, 6, 5, 5, 8]
    scores = 0.5 * ranker.scores(prompt).double() + torch.from_numpy(bonus)
    assert ranker.top_k(prompt, 5, (), evidence) == top_of(scores, 5)
    assert ranker.rank_of(prompt, 3, evidence=evidence) == rank_in(scores, 3)


def test_the_scores_of_a_few_items_read_a_part_of_the_catalogue(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("llama"), CATALOGUE)
    whole, read = ranker.scores([5, 9]), ranker.nodes_read
    few = ranker.scores([5, 9], [item for item in range(COUNT) if item not in (3, 50, 180)])
    assert ranker.nodes_read - read < read / 10
    torch.testing.assert_close(few[[3, 50, 180]], whole[[3, 50, 180]], atol=1e-4, rtol=0)
    assert int(few.isinf().sum()) == COUNT - 3


def test_evidence_that_cannot_be_weighed_is_refused(tiny_model: TinyModel) -> None:
    for weight in (-0.1, math.inf, math.nan):
        with pytest.raises(ValueError, match="at least 0 and finite"):
            Evidence(weight, np.zeros(3))
    with pytest.raises(ValueError, match="finite number"):
        Evidence(1.0, np.array([0.0, math.nan]))
    with pytest.raises(ValueError, match="about 3 items, not 200"):
        Ranker(tiny_model("llama"), CATALOGUE).top_k([5], 3, (), Evidence(1.0, np.zeros(3)))
