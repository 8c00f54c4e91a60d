"""The search alone, against brute force, on random tries and a model that is a table."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.tokentree.search import Aim, Search
from promptrec_tui.tokentree.trie import Title, build_trie

NO_LIMIT = 10**6
thorough = settings(deadline=None, max_examples=60)


@dataclass(frozen=True)
class Question:
    """Titles, how often each counts, and log P as eighths: sums are exact, few `levels` make many ties."""

    titles: list[Title]
    counts: list[int]
    levels: int
    salt: int
    normalised: bool

    def log(self, beginning: Title, token: int) -> float:
        return -(crc32(bytes([self.salt, *beginning, token])) % self.levels) / 8

    def score(self, index: int) -> float:
        title = self.titles[index]
        total = sum(self.log(title[:stop], token) for stop, token in enumerate(title))
        return total / len(title) if self.normalised else total

    def scores(self) -> list[float]:
        """One for each title that counts; the others -inf."""
        return [self.score(index) if count else -math.inf for index, count in enumerate(self.counts)]

    def search(self, limit: int = NO_LIMIT, **aim: Any) -> Search:
        counts = np.array(self.counts, np.int32)
        return Search(build_trie(self.titles), Aim(counts, **aim), self.normalised, limit)

    def run(self, search: Search, width: int) -> Search:
        """Answer until the search is content, each row by what it is said to see."""
        search.begin(np.array([self.log((), token) for token in sorted({title[0] for title in self.titles})]))
        inner = {title[:stop] for title in self.titles for stop in range(1, len(title))}
        slots: list[int] = []
        read: list[Title] = []
        while (expansion := search.select(width)) is not None:
            slots += expansion.tokens.tolist()
            assert len(expansion.lines) == len(expansion.tokens)
            here = [tuple(slots[slot] for slot in row if slot >= 0) for row in expansion.lines]
            assert [len(beginning) - 1 for beginning in here] == expansion.depths.tolist()
            read += here
            asked = zip(expansion.rows.tolist(), expansion.labels.tolist(), strict=True)
            search.update(np.array([self.log(here[row], label) for row, label in asked]))
        assert set(read) <= inner
        assert len(read) == len(set(read)) == search.slots
        return search


@st.composite
def questions(draw: st.DrawFn) -> Question:
    title = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)
    titles = sorted(draw(st.sets(title, min_size=1, max_size=30)))
    counts = draw(st.lists(st.sampled_from([0, 1, 1, 1, 3]), min_size=len(titles), max_size=len(titles)))
    levels = draw(st.sampled_from([1, 2, 3, 9, 1000]))
    return Question(titles, counts, levels, draw(st.integers(0, 255)), draw(st.booleans()))


@st.composite
def target_questions(draw: st.DrawFn) -> tuple[Question, int]:
    """A target always counts."""
    question = draw(questions())
    target = draw(st.integers(0, len(question.titles) - 1))
    question.counts[target] = max(1, question.counts[target])
    return question, target


ks = st.sampled_from([1, 2, 5, 100])
widths = st.sampled_from([1, 3, 100])


def scored_titles(search: Search) -> list[tuple[int, float]]:
    return sorted(zip(search.titles.tolist(), search.scores.tolist(), strict=True))


def best(question: Question, k: int) -> list[tuple[int, float]]:
    """The titles that make up the `k` best items, and those that tie with the last of them."""
    scores = question.scores()
    items = sorted(
        (score for score, count in zip(scores, question.counts, strict=True) for _ in range(count))
    )
    floor = items[-k] if len(items) >= k else -math.inf
    return [(i, score) for i, score in enumerate(scores) if question.counts[i] and score >= floor]


def better_and_equal(question: Question, target: int) -> tuple[int, int]:
    scores, counts = np.array(question.scores()), np.array(question.counts)
    return int(counts[scores > scores[target]].sum()), int(counts[scores == scores[target]].sum())


@thorough
@given(questions(), ks, widths)
def test_the_k_best_are_found_with_all_ties(question: Question, k: int, width: int) -> None:
    search = question.run(question.search(k=k), width)
    assert scored_titles(search) == best(question, k)
    assert not search.open_titles().any()


@thorough
@given(target_questions(), widths)
def test_an_uncapped_rank_counts_all_that_is_better_or_equal(asked: tuple[Question, int], width: int) -> None:
    question, target = asked
    search = question.run(question.search(target=target), width)
    assert search.better_and_equal() == better_and_equal(question, target)
    assert search.floor == question.score(target)


@thorough
@given(target_questions(), st.sampled_from([1, 2, 4]), widths)
def test_a_rank_is_exact_up_to_its_cap(asked: tuple[Question, int], cap: int, width: int) -> None:
    question, target = asked
    search = question.run(question.search(target=target, cap=cap), width)
    better, equal = better_and_equal(question, target)
    if better >= cap:
        assert cap <= search.better_and_equal()[0] <= better
    else:
        assert search.better_and_equal() == (better, equal)


@thorough
@given(questions(), ks, widths, st.integers(0, 6))
def test_a_limited_search_leaves_open_whatever_it_did_not_get_to(
    question: Question, k: int, width: int, limit: int
) -> None:
    search = question.run(question.search(limit, k=k), width)
    assert search.slots <= limit
    missing = {index for index, _ in best(question, k)} - set(search.titles.tolist())
    assert missing <= set(np.flatnonzero(search.open_titles()).tolist())


@thorough
@given(target_questions(), widths, st.integers(0, 6))
def test_a_limited_rank_leaves_open_whatever_it_did_not_get_to(
    asked: tuple[Question, int], width: int, limit: int
) -> None:
    question, target = asked
    search = question.run(question.search(limit, target=target), width)
    assert search.slots <= max(limit, len(question.titles[target]) - 1)
    floor = question.score(target)
    matter = {index for index, score in enumerate(question.scores()) if score >= floor}
    missing = matter - set(search.titles.tolist())
    assert missing <= set(np.flatnonzero(search.open_titles()).tolist())


def finish(question: Question, search: Search) -> Search:
    """What a ranker does with the titles that a limited search left open."""
    left = np.flatnonzero(search.open_titles()).astype(np.int32)
    search.add(left, np.array([question.score(index) for index in left.tolist()]))
    return search


@thorough
@given(questions(), ks, widths, st.integers(0, 6))
def test_scores_of_the_open_titles_complete_the_k_best(
    question: Question, k: int, width: int, limit: int
) -> None:
    """Also where an open title is the beginning of others: no title may count twice."""
    search = finish(question, question.run(question.search(limit, k=k), width))
    assert scored_titles(search) == best(question, k)


@thorough
@given(target_questions(), widths, st.integers(0, 6))
def test_scores_of_the_open_titles_complete_the_rank(
    asked: tuple[Question, int], width: int, limit: int
) -> None:
    question, target = asked
    search = finish(question, question.run(question.search(limit, target=target), width))
    assert search.better_and_equal() == better_and_equal(question, target)


def sharp(titles: list[Title]) -> Iterator[tuple[Question, int]]:
    """Questions with hardly a tie."""
    for salt in range(20):
        yield Question(titles, [1] * len(titles), 1000, salt, False), salt % len(titles)


PAIRS = [(first, second) for first in range(30) for second in range(30)]


def test_a_search_reads_few_nodes_when_the_model_is_sure() -> None:
    """Best first: only the beginnings that are before the floor, of which there is one here."""
    for question, _ in sharp(PAIRS):
        best_first = max(range(30), key=lambda token: question.log((), token))
        sure = Sure(question.titles, question.counts, 1, best_first, False)
        assert sure.run(sure.search(k=1), 1).slots == 1


class Sure(Question):
    """One first token has nearly all the probability, and the rest is flat."""

    def log(self, beginning: Title, token: int) -> float:
        return -0.125 if beginning or token == self.salt else -10.0


def test_a_capped_rank_stops_early() -> None:
    for question, target in sharp(PAIRS):
        better, _ = better_and_equal(question, target)
        if better >= 200:
            capped = question.run(question.search(target=target, cap=5), 1)
            assert capped.slots < question.run(question.search(target=target), 1).slots


class Broken(Question):
    """A table with a NaN behind one beginning."""

    def log(self, beginning: Title, token: int) -> float:
        return math.nan if beginning == (self.salt,) else super().log(beginning, token)


def test_a_nan_on_the_way_to_the_target_is_an_alarm() -> None:
    broken = Broken([(0, 0), (0, 1), (1, 0)], [1, 1, 1], 9, 0, False)
    for target in (0, 1):
        assert broken.run(broken.search(target=target), 1).broken
    assert broken.run(broken.search(k=3), 1).broken


def test_a_nan_besides_the_target_is_an_alarm_once_it_is_read() -> None:
    """All is equal here, so everything is read."""
    broken = Broken([(0, 0), (1, 0), (2,)], [1, 1, 1], 1, 1, False)
    for target in (0, 2):
        assert broken.run(broken.search(target=target), 1).broken


def test_a_nan_right_after_the_prompt_is_an_alarm() -> None:
    for titles in ([(0,), (1,)], [(0, 1), (1, 1)]):
        search = Question(titles, [1, 1], 9, 0, False).search(target=0)
        search.begin(np.full(2, math.nan))
        while (expansion := search.select(4)) is not None:
            search.update(np.full(len(expansion.labels), -1.0))
        assert search.broken


def test_a_nan_among_scores_that_were_added_is_an_alarm() -> None:
    question = Question([(0, 1), (1, 1)], [1, 1], 9, 0, False)
    search = question.run(question.search(limit=0, k=1), 1)
    search.add(np.array([0], np.int32), np.array([math.nan]))
    assert search.broken


def test_nothing_that_counts_is_nothing_to_find() -> None:
    question = Question([(0, 1), (1,)], [0, 0], 9, 0, False)
    search = question.run(question.search(k=3), 4)
    assert scored_titles(search) == []
    assert search.slots == 0
    assert not search.open_titles().any()
