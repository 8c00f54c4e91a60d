import math
import random
from collections.abc import Callable

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.models.config import CAUSAL_TYPES
from promptrec_tui.tokentree.places import NotANumberError, rank_in, top_of
from promptrec_tui.tokentree.ranker import Ranker

TinyModel = Callable[..., PreTrainedModel]
Naive = Callable[..., Tensor]

_random = random.Random(0)
PROMPT = [_random.randrange(3, 97) for _ in range(20)]
CATALOGUE = [
    [_random.choice([5, 6, 7, _random.randrange(3, 97)]) for _ in range(_random.randrange(1, 8))] + [2]
    for _ in range(40)
]
CATALOGUE += [[2], [11], CATALOGUE[3], CATALOGUE[3]]


@pytest.mark.parametrize("model_type", sorted(CAUSAL_TYPES))
def test_scores_equal_whole_forwards_for_every_model_type(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str
) -> None:
    model = tiny_model(model_type)
    scores = Ranker(model, CATALOGUE).scores(PROMPT)
    assert scores.dtype == torch.float32
    assert scores.std() > 1
    torch.testing.assert_close(scores, naive_scores(model, PROMPT, CATALOGUE), atol=1e-4, rtol=0)


def test_scores_equal_whole_forwards_under_eager_attention(
    tiny_model: TinyModel, naive_scores: Naive
) -> None:
    model = tiny_model("qwen3", attention="eager")
    expected = naive_scores(model, PROMPT, CATALOGUE)
    torch.testing.assert_close(Ranker(model, CATALOGUE).scores(PROMPT), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("window", [8, 24, 40])
@pytest.mark.parametrize("model_type", ["mistral", "gemma3_text"])
def test_a_sliding_window_is_kept(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str, window: int
) -> None:
    model = tiny_model(model_type, sliding_window=window)
    expected = naive_scores(model, PROMPT, CATALOGUE)
    torch.testing.assert_close(Ranker(model, CATALOGUE).scores(PROMPT), expected, atol=1e-4, rtol=0)


def test_plain_batches_can_be_left(tiny_model: TinyModel) -> None:
    ranker, ticks = Ranker(tiny_model("mistral", sliding_window=8), CATALOGUE), []
    ranker.batch = 2

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 2:
            raise TimeoutError

    ranker.tick = tick
    with pytest.raises(TimeoutError):
        ranker.scores(PROMPT)


@pytest.mark.parametrize("model_type", ["qwen3", "llama", "gpt2"])
def test_adapters_are_scored_and_new_weights_are_seen(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str
) -> None:
    untuned = tiny_model(model_type)
    before = naive_scores(untuned, PROMPT, CATALOGUE)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.5)
    model = get_peft_model(untuned, config)
    ranker = Ranker(model, CATALOGUE)
    torch.testing.assert_close(ranker.scores(PROMPT), before, atol=1e-4, rtol=0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    model.train()
    tuned = ranker.scores(PROMPT)
    assert model.training
    model.eval()
    torch.testing.assert_close(tuned, naive_scores(model, PROMPT, CATALOGUE), atol=1e-4, rtol=0)
    assert (tuned - before).abs().max() > 0.1
    with model.disable_adapter():
        torch.testing.assert_close(ranker.scores(PROMPT), before, atol=1e-4, rtol=0)


def test_the_probabilities_of_all_continuations_sum_to_one(tiny_model: TinyModel) -> None:
    pairs = [[first, second] for first in range(97) for second in range(97)]
    scores = Ranker(tiny_model("qwen3"), pairs).scores(PROMPT)
    assert scores.double().exp().sum() == pytest.approx(1, abs=1e-4)


def test_calls_leave_no_trace(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("llama"), CATALOGUE)
    first = ranker.scores(PROMPT)
    ranker.scores(PROMPT[:7], exclude=[1, 2])
    assert torch.equal(ranker.scores(PROMPT), first)


def test_top_k_is_the_order_of_the_scores_without_the_excluded(
    tiny_model: TinyModel, naive_scores: Naive
) -> None:
    model = tiny_model("qwen3")
    ranker = Ranker(model, CATALOGUE)
    scores = naive_scores(model, PROMPT, CATALOGUE)
    order = [index for index in scores.argsort(descending=True, stable=True).tolist() if index != 3]
    assert order[0] != 0
    best = ranker.top_k(PROMPT, 5, exclude=[3])
    assert [index for index, _ in best] == order[:5]
    assert [value for _, value in best] == pytest.approx(scores[order[:5]].tolist(), abs=1e-4)
    everything = ranker.top_k(PROMPT, 1000, exclude=[3])
    assert sorted(index for index, _ in everything) == sorted(order)


def test_rank_counts_better_and_half_of_the_equal(tiny_model: TinyModel, naive_scores: Naive) -> None:
    model = tiny_model("qwen3")
    ranker = Ranker(model, CATALOGUE)
    scores = naive_scores(model, PROMPT, CATALOGUE)
    better = int((scores > scores[3] + 1e-4).sum())
    assert ranker.rank_of(PROMPT, 3) == 1 + better + 2 / 2
    assert ranker.rank_of(PROMPT, 3, exclude=[42]) == 1 + better + 1 / 2
    assert ranker.rank_of(PROMPT, 3, exclude=[3, 42, 43]) == 1 + better
    assert ranker.rank_of(PROMPT, 3, cap=better + 1) == math.inf
    assert ranker.rank_of(PROMPT, 3, cap=better + 2) == better + 2


def test_a_nan_is_an_alarm() -> None:
    assert math.isnan(rank_in(torch.tensor([math.nan, 1.0]), 1))
    assert top_of(torch.tensor([1.0, -math.inf, 1.0]), 5) == [(0, 1.0), (2, 1.0)]


def test_a_model_that_answers_nan_recommends_nothing_and_says_so(tiny_model: TinyModel) -> None:
    model = tiny_model("qwen3")
    with torch.no_grad():
        model.get_output_embeddings().weight[5] = math.nan
    ranker = Ranker(model, CATALOGUE)
    with pytest.raises(NotANumberError, match="are not numbers"):
        ranker.top_k(PROMPT, 3)
    assert math.isnan(ranker.rank_of(PROMPT, 0))


def test_a_prompt_has_to_leave_room_for_the_longest_title(tiny_model: TinyModel) -> None:
    ranker = Ranker(tiny_model("gpt2"), [[5, 6, 2], [7, 2]])
    assert ranker.scores([5] * 61).isfinite().all()
    with pytest.raises(ValueError, match="62 tokens and a title of 3 do not fit the model's context of 64"):
        ranker.scores([5] * 62)
    with pytest.raises(ValueError, match="at least one token"):
        ranker.scores([])


def test_what_cannot_be_ranked_is_refused(tiny_model: TinyModel) -> None:
    model = tiny_model("llama")
    for catalogue in ([], [[5], []]):
        with pytest.raises(ValueError, match="at least one"):
            Ranker(model, catalogue)
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ValueError, match="flash_attention_2"):
        Ranker(model, [[5]])
