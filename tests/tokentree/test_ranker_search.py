"""Ranker.top_k and rank_of against all scores, with a catalogue that is large enough to be searched."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.tokentree.places import NotANumberError
from promptrec_tui.tokentree.ranker import Ranker, Score

TinyModel = Callable[..., PreTrainedModel]

COUNT = 300
_random = random.Random(1)
_ALPHABET = [5] * 12 + [6] * 8 + [7] * 5 + [8] * 3 + list(range(9, 30))
CATALOGUE = [[*_random.choices(_ALPHABET, k=_random.randrange(1, 7)), 2] for _ in range(COUNT - 10)]
CATALOGUE += CATALOGUE[:10]
PROMPTS = [[_random.randrange(3, 97) for _ in range(length)] for length in (20, 5, 31, 20, 1)]
EXCLUDES: list[list[int]] = [[], [3, 150], list(range(0, COUNT, 3)), [290], []]
SURE, FLAT = 3.0, 0.05
NO_LIMIT = 10**6
NOISE = 1e-4
"""Nats that two ways of the same sum may differ by here; scores nearer than that have no order."""


@pytest.fixture
def make_ranker(tiny_model: TinyModel) -> Callable[..., Ranker]:
    """A ranker of a model that is more or less sure of itself."""

    def make(sharpness: float = SURE, limit: int = NO_LIMIT, score: Score = "sum") -> Ranker:
        model = tiny_model("llama", num_hidden_layers=2)
        with torch.no_grad():
            model.lm_head.weight.mul_(sharpness)
        ranker = Ranker(model, CATALOGUE, score)
        ranker.limit = limit
        ranker.width = 16
        return ranker

    return make


MakeRanker = Callable[..., Ranker]


def check_top(best: list[tuple[int, float]], scores: Tensor, k: int) -> None:
    """`best` is the top of `scores`, whatever the order of those nearer to one another than the noise."""
    values = torch.sort(scores[scores > -math.inf], descending=True).values[:k]
    indices = [index for index, _ in best]
    assert len(set(indices)) == len(indices) == len(values)
    assert [value for _, value in best] == sorted((value for _, value in best), reverse=True)
    torch.testing.assert_close(torch.tensor([value for _, value in best]), values, atol=NOISE, rtol=0)
    torch.testing.assert_close(scores[indices], values, atol=NOISE, rtol=0)


def check_rank(rank: float, scores: Tensor, target: int, cap: int | None) -> None:
    """`rank` is the target's; a title nearer to it than the noise that is not its twin may be either side."""
    twins = sum(CATALOGUE[index] == CATALOGUE[target] for index in range(COUNT) if scores[index] > -math.inf)
    lowest = 1 + int((scores > scores[target] + NOISE).sum()) + (twins - 1) / 2
    highest = 1 + int((scores >= scores[target] - NOISE).sum()) - twins + (twins - 1) / 2
    assert highest - lowest <= 3
    possible = [lowest + step for step in range(int(highest - lowest) + 1)]
    assert rank in [math.inf if cap is not None and each > cap else each for each in possible]


def targets_of(scores: Tensor) -> list[int]:
    """From the best to the worst, and one with a twin."""
    order = scores.argsort(descending=True).tolist()
    return [*(order[place] for place in (0, 30, 200)), 295]


@contextmanager
def tokens_read(model: PreTrainedModel) -> Iterator[list[int]]:
    """How many tokens each forward of the backbone reads meanwhile."""
    sizes: list[int] = []

    def note(module: Any, args: Any, kwargs: Any) -> None:
        sizes.append(kwargs["input_ids"].numel())

    hook = model.base_model.register_forward_pre_hook(note, with_kwargs=True)
    yield sizes
    hook.remove()


@pytest.mark.parametrize("score", ["sum", "mean"])
@pytest.mark.parametrize("limit", [0, 20, NO_LIMIT])
@pytest.mark.parametrize("sharpness", [SURE, FLAT])
def test_searches_agree_with_all_scores(
    make_ranker: MakeRanker, sharpness: float, limit: int, score: Score
) -> None:
    ranker = make_ranker(sharpness, limit, score)
    prompt, exclude = PROMPTS[2], EXCLUDES[2]
    scores = ranker.scores(prompt, exclude)
    check_top(ranker.top_k(prompt, 10, exclude), scores, 10)
    whole = ranker.scores(prompt)
    for target in targets_of(whole):
        among = scores.clone()
        among[target] = whole[target]
        for cap in (None, 10):
            check_rank(ranker.rank_of(prompt, target, exclude, cap), among, target, cap)


def test_scores_are_sharp_or_flat_as_the_other_tests_need(make_ranker: MakeRanker) -> None:
    """Else they would try one kind of search only."""
    sure, flat = (torch.softmax(make_ranker(each).scores(PROMPTS[0]), 0).max() for each in (SURE, FLAT))
    assert sure > 0.25
    assert flat < 0.1


def test_a_sure_model_reads_a_small_part_of_the_titles(make_ranker: MakeRanker) -> None:
    ranker = make_ranker(SURE)
    scores = ranker.scores(PROMPTS[0])
    second = int(scores.argsort(descending=True)[1])
    with tokens_read(ranker.model) as sizes:
        ranker.top_k(PROMPTS[0], 3)
        assert sum(sizes) < len(PROMPTS[0]) + ranker.trie.inner / 4
        sizes.clear()
        ranker.rank_of(PROMPTS[0], second)
        assert sum(sizes) < len(PROMPTS[0]) + ranker.trie.inner / 4


def test_a_limited_search_reads_the_rest_in_rows(make_ranker: MakeRanker) -> None:
    """Not more than one node a forward until the limit, and then everything that is left at once."""
    ranker = make_ranker(FLAT, 20)
    ranker.width = 1
    with tokens_read(ranker.model) as sizes:
        ranker.top_k(PROMPTS[0], 150)
    assert sizes[1:21] == [1] * 20
    assert max(sizes[21:]) > 100
    assert len(sizes) < 30


def test_a_cap_spares_reading(make_ranker: MakeRanker) -> None:
    ranker = make_ranker(SURE)
    target = int(ranker.scores(PROMPTS[0]).argmin())
    sums = []
    for cap in (1, None):
        with tokens_read(ranker.model) as sizes:
            rank = ranker.rank_of(PROMPTS[0], target, cap=cap)
        sums.append(sum(sizes))
        assert rank == (math.inf if cap else COUNT)
    assert sums[0] < sums[1] / 4


@pytest.mark.parametrize("score", ["sum", "mean"])
def test_a_model_that_prefers_nothing_is_soon_done_with_a_bad_title(
    make_ranker: MakeRanker, score: Score
) -> None:
    """All beginnings are above the whole titles then: the best of them alone would not come to an end."""
    chance = random.Random(3)
    titles = [[*(chance.randrange(5, 30) for _ in range(8)), 2] for _ in range(COUNT)]
    ranker = Ranker(make_ranker(FLAT).model, titles, score)
    ranker.limit, ranker.width = NO_LIMIT, 16
    order = ranker.scores(PROMPTS[0]).argsort(descending=True).tolist()
    with tokens_read(ranker.model) as sizes:
        assert ranker.rank_of(PROMPTS[0], order[COUNT // 2], cap=5) == math.inf
    assert sum(sizes) < len(PROMPTS[0]) + ranker.trie.inner / 8


@pytest.mark.parametrize("limit", [10, NO_LIMIT])
def test_several_users_at_once_get_what_each_gets_alone(make_ranker: MakeRanker, limit: int) -> None:
    """Prompts of unlike lengths, five of them in groups of four."""
    ranker = make_ranker(SURE, limit)
    targets = [targets_of(ranker.scores(prompt))[place % 4] for place, prompt in enumerate(PROMPTS)]
    alone = [ranker.top_k(prompt, 10, out) for prompt, out in zip(PROMPTS, EXCLUDES, strict=True)]
    asked = list(zip(PROMPTS, targets, EXCLUDES, strict=True))
    ranks = {cap: [ranker.rank_of(*each, cap=cap) for each in asked] for cap in (None, 10)}
    assert len(set(ranks[None])) > 3
    ranker.users = 4
    for each, one in zip(ranker.top_k_each(PROMPTS, 10, EXCLUDES), alone, strict=True):
        assert [index for index, _ in each] == [index for index, _ in one]
        assert [score for _, score in each] == pytest.approx([score for _, score in one], abs=NOISE)
    for cap in (None, 10):
        assert ranker.rank_each(PROMPTS, targets, EXCLUDES, cap) == ranks[cap]


def test_users_are_read_together(make_ranker: MakeRanker) -> None:
    ranker = make_ranker(SURE)
    ranker.users = 4
    with tokens_read(ranker.model) as sizes:
        ranker.top_k_each(PROMPTS[:4], 3, EXCLUDES[:4])
    assert sizes[0] == 4 * 31


@pytest.mark.parametrize("limit", [0, NO_LIMIT])
def test_with_everything_excluded_nothing_is_best_and_any_title_is_first(
    make_ranker: MakeRanker, limit: int
) -> None:
    ranker = make_ranker(SURE, limit)
    everything = list(range(COUNT))
    assert ranker.top_k(PROMPTS[0], 5, everything) == []
    assert [ranker.rank_of(PROMPTS[0], target, everything) for target in (0, 17, 290)] == [1, 1, 1]


@pytest.mark.parametrize("limit", [0, 20, NO_LIMIT])
def test_more_than_the_catalogue_is_the_catalogue(make_ranker: MakeRanker, limit: int) -> None:
    ranker = make_ranker(SURE, limit)
    best = ranker.top_k(PROMPTS[0], 10**6, EXCLUDES[2])
    check_top(best, ranker.scores(PROMPTS[0], EXCLUDES[2]), COUNT)
    assert len(best) == 200


@pytest.mark.parametrize("limit", [0, NO_LIMIT])
def test_equal_titles_share_their_ranks_and_are_listed_by_index(make_ranker: MakeRanker, limit: int) -> None:
    ranker = make_ranker(SURE, limit)
    one = ranker.rank_of(PROMPTS[0], 5)
    assert one == ranker.rank_of(PROMPTS[0], 295) == ranker.rank_of(PROMPTS[0], 5, exclude=[295]) + 0.5
    assert ranker.rank_of(PROMPTS[0], 295, exclude=[5]) == one - 0.5
    assert ranker.rank_of(PROMPTS[0], 5, cap=int(one)) == math.inf
    listed = [index for index, _ in ranker.top_k(PROMPTS[0], COUNT)]
    assert listed.index(295) == listed.index(5) + 1


STARTS = [[5], [5, 6], [5, 6, 7], [9, 9], [5, 6, 8, 2], [9]]


@pytest.mark.parametrize("limit", [0, 1, NO_LIMIT])
@pytest.mark.parametrize("score", ["sum", "mean"])
def test_titles_that_begin_other_titles_count_once(tiny_model: TinyModel, limit: int, score: Score) -> None:
    """Such a title is known before what lies behind it is read, in rows where the limit is reached."""
    ranker = Ranker(tiny_model("llama"), STARTS, score)
    ranker.limit = limit
    order = ranker.scores(PROMPTS[0]).argsort(descending=True).tolist()
    for k in range(1, 7):
        assert [index for index, _ in ranker.top_k(PROMPTS[0], k)] == order[:k]
    assert [ranker.rank_of(PROMPTS[0], target) for target in order] == [1, 2, 3, 4, 5, 6]


def _nan(weights: Sequence[Tensor]) -> None:
    for weight in weights:
        weight.fill_(math.nan)


def test_a_model_of_nans_ranks_nothing(make_ranker: MakeRanker) -> None:
    ranker = make_ranker(SURE)
    with torch.no_grad():
        _nan([ranker.model.model.layers[1].mlp.down_proj.weight])
    for target in (0, 17):
        assert math.isnan(ranker.rank_of(PROMPTS[0], target))
        assert math.isnan(ranker.rank_of(PROMPTS[0], target, cap=10))
    with pytest.raises(NotANumberError):
        ranker.top_k(PROMPTS[0], 3)


def test_a_nan_for_one_user_is_not_another_s(make_ranker: MakeRanker) -> None:
    """A token whose embedding is damaged spoils the answers of those who have it only."""
    ranker = make_ranker(SURE)
    prompts = [PROMPTS[1], [*PROMPTS[0], 96], PROMPTS[2]]
    assert 96 not in PROMPTS[1] + PROMPTS[2]
    with torch.no_grad():
        _nan([ranker.model.model.embed_tokens.weight[96]])
    ranker.users = 3
    ranks = ranker.rank_each(prompts, [7, 7, 7], [[], [], []])
    assert [math.isnan(rank) for rank in ranks] == [False, True, False]
    assert ranks[0] == ranker.rank_of(prompts[0], 7)


@pytest.mark.parametrize("score", ["sum", "mean"])
@pytest.mark.parametrize("limit", [0, 20, NO_LIMIT])
@pytest.mark.parametrize("margin", [0.05, 1.0])
def test_best_and_worst_ranks_count_what_is_near(
    make_ranker: MakeRanker, limit: int, score: Score, margin: float
) -> None:
    """Against all scores, in a search, in the rest of one, and for a score that is a mean."""
    ranker = make_ranker(0.3, limit, score)
    prompt = PROMPTS[0]
    scores = ranker.scores(prompt)
    check_bounds(ranker, prompt, scores, margin)


@pytest.mark.parametrize("margin", [0.05, 1.0])
def test_best_and_worst_ranks_where_windows_slide(tiny_model: TinyModel, margin: float) -> None:
    ranker = Ranker(tiny_model("mistral", sliding_window=8), CATALOGUE)
    check_bounds(ranker, PROMPTS[0], ranker.scores(PROMPTS[0]), margin)


def check_bounds(ranker: Ranker, prompt: list[int], scores: Tensor, margin: float) -> None:
    wide = 0
    for target in targets_of(scores):
        (place,) = ranker.places_each([prompt], [target], [[]], margin=margin)
        twins = torch.tensor([title == CATALOGUE[target] for title in CATALOGUE])
        half = (int(twins.sum()) - 1) / 2
        away = (scores - scores[target])[~twins]

        def between(away: Tensor, edge: float, half: float) -> tuple[float, float]:
            """A title that is on the edge itself may be counted or not."""
            return tuple(1 + int((away > edge + off).sum()) + half for off in (NOISE, -NOISE))  # type: ignore[return-value]

        low, high = between(away, margin, half)
        assert low <= place.best <= high
        low, high = between(away, -margin, half)
        assert low <= place.worst <= high
        assert place.best <= place.rank <= place.worst
        assert place.rank == ranker.rank_of(prompt, target)
        wide += place.best < place.worst
    assert wide


def test_without_a_margin_best_and_worst_are_the_rank(make_ranker: MakeRanker) -> None:
    (place,) = make_ranker().places_each([PROMPTS[0]], [17], [[]])
    assert place.best == place.rank == place.worst
