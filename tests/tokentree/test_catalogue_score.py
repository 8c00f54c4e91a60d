"""The score "catalogue" against its definition: a softmax over what titles have there, by plain forwards."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.models.config import CAUSAL_TYPES
from promptrec_tui.tokentree import backbone
from promptrec_tui.tokentree.backbone import picked_among
from promptrec_tui.tokentree.ranker import Ranker
from tests.tokentree.test_families import SLIDING, masks_given
from tests.tokentree.test_ranker_search import tokens_read

TinyModel = Callable[..., PreTrainedModel]

COUNT = 200
_random = random.Random(2)
_ALPHABET = [5] * 12 + [6] * 8 + [7] * 5 + [8] * 3 + list(range(9, 30))
PROMPTS = [[_random.randrange(3, 97) for _ in range(length)] for length in (20, 5, 31, 1)]
CATALOGUE = [[*_random.choices(_ALPHABET, k=_random.randrange(1, 9)), 2] for _ in range(COUNT - 5)]
CATALOGUE += CATALOGUE[:5]
NO_LIMIT = 10**6


@torch.no_grad()
def defined(model: Any, prompt: Sequence[int], catalogue: Sequence[Sequence[int]]) -> Tensor:
    """log P of each title, by one whole forward of transformers for each: [N]."""
    after: dict[tuple[int, ...], set[int]] = {}
    for title in catalogue:
        for stop, token in enumerate(title):
            after.setdefault(tuple(title[:stop]), set()).add(token)
    scores = []
    for title in catalogue:
        logits = model(input_ids=torch.tensor([[*prompt, *title]]), use_cache=False).logits[0].double()
        total = 0.0
        for stop, token in enumerate(title):
            row = logits[len(prompt) - 1 + stop]
            total += float(row[token] - row[sorted(after[tuple(title[:stop])])].logsumexp(0))
        scores.append(total)
    return torch.tensor(scores)


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected.float(), atol=1e-5, rtol=1e-6)


def make(tiny_model: TinyModel, model_type: str = "llama", limit: int = NO_LIMIT, **changes: Any) -> Ranker:
    ranker = Ranker(tiny_model(model_type, **changes), CATALOGUE, "catalogue")
    ranker.limit, ranker.width = limit, 16
    return ranker


def check_rankings(ranker: Ranker, prompt: Sequence[int], expected: Tensor, exclude: Sequence[int]) -> None:
    """The best and the ranks of near and far targets, with and without a cap, in any order of near ties."""
    kept = expected.clone()
    kept[list(exclude)] = -math.inf
    values = torch.sort(kept, descending=True).values
    best = ranker.top_k(prompt, 10, exclude)
    close(torch.tensor([value for _, value in best]), values[:10])
    close(kept[[index for index, _ in best]], values[:10])
    order = [index for index in expected.argsort(descending=True).tolist() if index not in exclude]
    for target in (order[0], order[12], order[-1], COUNT - 1):
        own = expected[target]
        among = kept.clone()
        among[target] = own
        twins = sum(
            CATALOGUE[index] == CATALOGUE[target] for index in range(COUNT) if among[index] > -math.inf
        )
        assert int(((among - own).abs() < 2e-5).sum()) == twins, "a test of ranks needs scores apart"
        rank = 1 + int((among > own + 2e-5).sum()) + (twins - 1) / 2
        assert ranker.rank_of(prompt, target, exclude) == rank
        for cap in (1, 10, 100):
            assert ranker.rank_of(prompt, target, exclude, cap) == (rank if rank <= cap else math.inf)


@pytest.mark.parametrize("model_type", sorted(CAUSAL_TYPES))
def test_scores_are_those_of_the_definition_for_every_model_type(
    tiny_model: TinyModel, model_type: str
) -> None:
    few = CATALOGUE[:40] + CATALOGUE[:2]
    ranker = Ranker(tiny_model(model_type), few, "catalogue")
    scores = ranker.scores(PROMPTS[0])
    close(scores, defined(ranker.model, PROMPTS[0], few))
    distinct = {tuple(title): score for title, score in zip(few, scores.double().tolist(), strict=True)}
    assert sum(map(math.exp, distinct.values())) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("limit", [0, 20, NO_LIMIT])
@pytest.mark.parametrize("exclude", [[], list(range(0, COUNT, 3))])
def test_searches_agree_with_the_definition(tiny_model: TinyModel, limit: int, exclude: list[int]) -> None:
    """Excluded titles keep their share: the others' scores do not change."""
    ranker = make(tiny_model, limit=limit)
    for prompt in PROMPTS[:2]:
        check_rankings(ranker, prompt, defined(ranker.model, prompt, CATALOGUE), exclude)


@pytest.mark.parametrize("limit", [20, NO_LIMIT])
def test_users_in_groups_get_their_own_answers(tiny_model: TinyModel, limit: int) -> None:
    alone, together = make(tiny_model, limit=limit), make(tiny_model, limit=limit)
    together.users = 3
    targets, excludes = [7, 60, 199, 3], [[], [1, 2], [4], []]
    ranks = together.rank_each(PROMPTS, targets, excludes)
    assert ranks == [alone.rank_of(*each) for each in zip(PROMPTS, targets, excludes, strict=True)]
    for best, prompt, exclude in zip(
        together.top_k_each(PROMPTS, 5, excludes), PROMPTS, excludes, strict=True
    ):
        expected = alone.top_k(prompt, 5, exclude)
        assert [index for index, _ in best] == [index for index, _ in expected]


@pytest.mark.parametrize("model_type", sorted(SLIDING))
def test_plain_batches_of_sliding_windows_agree_with_the_definition(
    tiny_model: TinyModel, model_type: str
) -> None:
    ranker = make(tiny_model, model_type, sliding_window=8, **SLIDING[model_type])
    expected = defined(ranker.model, PROMPTS[0], CATALOGUE)
    with masks_given(ranker.model) as masks:
        close(ranker.scores(PROMPTS[0]), expected)
        check_rankings(ranker, PROMPTS[0], expected, [3, 9])
    assert not any(masks)


@pytest.mark.parametrize(
    ("model_type", "name", "value"),
    [("granite", "logits_scaling", 3.0), ("gemma3_text", "final_logit_softcapping", 2.0)],
)
def test_what_a_model_does_to_its_logits_is_done(
    tiny_model: TinyModel, model_type: str, name: str, value: float
) -> None:
    ranker = make(tiny_model, model_type, **{name: value})
    scores = ranker.scores(PROMPTS[0])
    close(scores, defined(ranker.model, PROMPTS[0], CATALOGUE))
    setattr(ranker.model.config, name, 1.0 if model_type == "granite" else None)
    assert (ranker.scores(PROMPTS[0]) - scores).abs().max() > 0.01


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_a_head_with_a_bias_or_tied_weights_is_read_in_full(
    tiny_model: TinyModel, bias: bool, tied: bool
) -> None:
    model = tiny_model("llama", tie_word_embeddings=tied)
    if bias:
        model.lm_head.bias = torch.nn.Parameter(torch.randn(97))
    close(Ranker(model, CATALOGUE, "catalogue").scores(PROMPTS[0]), defined(model, PROMPTS[0], CATALOGUE))


def test_an_adapter_of_the_head_counts(tiny_model: TinyModel) -> None:
    config = LoraConfig(r=4, target_modules=["lm_head", "q_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(tiny_model("llama"), config).eval()
    before = Ranker(model, CATALOGUE, "catalogue").scores(PROMPTS[0])
    for name, weight in model.named_parameters():
        if "lora_B" in name and "lm_head" in name:
            torch.nn.init.normal_(weight, std=0.3)
    scores = Ranker(model, CATALOGUE, "catalogue").scores(PROMPTS[0])
    assert (scores - before).abs().max() > 0.1
    close(scores, defined(model, PROMPTS[0], CATALOGUE))


tries = st.lists(
    st.lists(st.integers(3, 6), min_size=1, max_size=5).map(lambda title: [*title, 2]),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=25)
@given(tries, st.integers(0, 3), st.sampled_from([0, 3, NO_LIMIT]))
def test_random_catalogues(random_model: Any, catalogue: list[list[int]], which: int, limit: int) -> None:
    """Also of one title, of one title many times, and of titles that all begin alike."""
    ranker = Ranker(random_model, catalogue, "catalogue")
    ranker.limit, ranker.width = limit, 2
    expected = defined(random_model, PROMPTS[which], catalogue)
    close(ranker.scores(PROMPTS[which]), expected)
    ranking = ranker.top_k(PROMPTS[which], len(catalogue))
    assert sorted(index for index, _ in ranking) == list(range(len(catalogue)))
    close(torch.tensor([score for _, score in ranking]), torch.sort(expected, descending=True).values)
    for target in range(0, len(catalogue), 5):
        twins = catalogue.count(catalogue[target])
        ahead = (expected > expected[target] + 2e-5).sum() + 1 + (twins - 1) / 2
        near = ((expected - expected[target]).abs() <= 2e-5).sum() - twins
        assert ahead <= ranker.rank_of(PROMPTS[which], target) <= ahead + near


@pytest.fixture(scope="module")
def random_model() -> Any:
    from tests.tokentree.conftest import tiny_model

    return tiny_model.__wrapped__()("qwen3")  # type: ignore[attr-defined]


def test_only_what_has_a_choice_below_is_read(tiny_model: TinyModel) -> None:
    """Certain ends cost nothing: two names are told apart by their first tokens, two by a later one."""
    catalogue = [[5, 6, 7, 8, 2], [9, 8, 7, 2], [11, 3, 4, 2], [11, 3, 5, 6, 2]]
    ranker = Ranker(tiny_model("llama"), catalogue, "catalogue")
    with tokens_read(ranker.model) as sizes:
        ranker.scores(PROMPTS[0])
    assert sizes == [len(PROMPTS[0]), 2]
    assert ranker.nodes_read == 2
    ranker.limit = NO_LIMIT
    ranker.top_k(PROMPTS[0], 4)
    assert ranker.nodes_read == 4


def test_the_head_is_given_allowed_tokens_and_some_positions_at_a_time(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranker = make(tiny_model)
    expected = ranker.scores(PROMPTS[0])
    monkeypatch.setattr("promptrec_tui.tokentree.sizes.CPU_LOGITS", 5 * 97)
    shapes: list[tuple[int, int]] = []
    logits_of = backbone.logits_of

    def look(model: Any, hidden: Tensor, tokens: Tensor) -> Tensor:
        shapes.append((len(hidden), len(tokens)))
        return logits_of(model, hidden, tokens)

    monkeypatch.setattr(backbone, "logits_of", look)
    torch.testing.assert_close(ranker.scores(PROMPTS[0]), expected, atol=1e-5, rtol=0)
    assert max(rows for rows, _ in shapes) == 5
    assert max(tokens for _, tokens in shapes) <= len({token for title in CATALOGUE for token in title})


def test_a_temperature_flattens_the_shares(tiny_model: TinyModel) -> None:
    model = tiny_model("llama")
    hidden = torch.randn(3, 32)
    sources, labels = np.array([0, 0, 0, 2, 2]), np.array([5, 9, 4, 4, 80])
    with torch.no_grad():
        logits = model.lm_head(hidden)
        actual = picked_among(model, hidden, sources, labels, temperature=2.5)
    expected = torch.cat(
        [torch.log_softmax(logits[0, [5, 9, 4]] / 2.5, 0), torch.log_softmax(logits[2, [4, 80]] / 2.5, 0)]
    )
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_a_title_that_begins_another_is_refused(tiny_model: TinyModel) -> None:
    with pytest.raises(ValueError, match="is the beginning of another"):
        Ranker(tiny_model("llama"), [[5, 6], [5, 6, 2]], "catalogue")


def test_a_model_of_nans_ranks_nothing(tiny_model: TinyModel) -> None:
    ranker = make(tiny_model)
    with torch.no_grad():
        ranker.model.model.layers[1].mlp.down_proj.weight.fill_(math.nan)
    assert math.isnan(ranker.rank_of(PROMPTS[0], 3))
    assert math.isnan(ranker.rank_of(PROMPTS[0], 3, cap=10))
