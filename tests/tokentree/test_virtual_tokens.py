"""Virtual tokens before every sequence: what peft's own forwards of such a model give, in the tree."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from peft import PeftModel, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.tokentree.batched import batched_scores
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.prefix import Prefix
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.selfcheck import batched_difference, largest_difference
from promptrec_tui.tokentree.tree import merge
from promptrec_tui.tuning.batches import Plan

TinyModel = Callable[..., PreTrainedModel]

VIRTUAL = 5
PROMPT = [4, 5, 6, 7, 8]
CATALOGUE = [[10, 11, 2], [10, 12, 2], [10, 12, 13, 2], [20, 2], [21, 22, 23, 24, 2], [20, 21, 2]]
TYPES = ["qwen3", "llama", "gpt2", "opt", "gemma"]


CONFIGS = {
    "prompt_tuning": PromptTuningConfig,
    "p_tuning": PromptEncoderConfig,
    "prefix_tuning": PrefixTuningConfig,
}
METHODS = pytest.mark.parametrize("method", list(CONFIGS))


def prompted(model: PreTrainedModel, method: str = "prompt_tuning") -> PeftModel:
    """The model with virtual tokens that matter."""
    config = CONFIGS[method](task_type="CAUSAL_LM", num_virtual_tokens=VIRTUAL)
    tuned = get_peft_model(model, config)
    torch.manual_seed(1)
    torch.nn.init.normal_(tuned.prompt_encoder["default"].embedding.weight, std=0.5)
    return tuned.eval()


def plain(model: Any, prompt: Sequence[int], title: Sequence[int]) -> Tensor:
    """log P of each token of a title by peft's own forward of the whole sequence: [L]."""
    ids = torch.tensor([[*prompt, *title]])
    logs = model(input_ids=ids, use_cache=False).logits[0, -len(title) - 1 : -1].log_softmax(-1)
    return torch.as_tensor(logs[torch.arange(len(title)), torch.tensor(title)])


def plain_scores(model: Any, prompt: Sequence[int]) -> Tensor:
    with torch.no_grad():
        return torch.stack([plain(model, prompt, title).sum() for title in CATALOGUE])


@METHODS
@pytest.mark.parametrize("model_type", TYPES)
def test_scores_and_ranks_are_those_of_plain_forwards(
    tiny_model: TinyModel, model_type: str, method: str
) -> None:
    base = tiny_model(model_type)
    untuned = plain_scores(base, PROMPT)
    model = prompted(base, method)
    expected = plain_scores(model, PROMPT)
    assert (expected - untuned).abs().max() > 0.1
    ranker = Ranker(model, CATALOGUE)
    torch.testing.assert_close(ranker.scores(PROMPT), expected, atol=1e-5, rtol=1e-5)
    order = expected.argsort(descending=True).tolist()
    rankings = ranker.top_k_each([PROMPT, PROMPT[:3]], len(CATALOGUE), [[], []])
    assert [index for index, _ in rankings[0]] == order
    shorter = plain_scores(model, PROMPT[:3])
    torch.testing.assert_close(torch.tensor(dict(sorted(rankings[1]))[0]), shorter[0], atol=1e-5, rtol=1e-5)
    assert ranker.rank_each([PROMPT] * 2, [order[0], order[-1]], [[], []]) == [1, len(order)]
    with torch.no_grad():
        titles = batched_scores(model, PROMPT, CATALOGUE, size=4)
    torch.testing.assert_close(titles, expected, atol=1e-5, rtol=1e-5)
    assert largest_difference(model, PROMPT, CATALOGUE) < 1e-4
    assert batched_difference(model, PROMPT, CATALOGUE) < 1e-4
    with model.disable_adapter():
        torch.testing.assert_close(ranker.scores(PROMPT), untuned, atol=1e-5, rtol=1e-5)


@METHODS
@pytest.mark.parametrize("model_type", TYPES)
@pytest.mark.parametrize("branching", [True, False])
def test_the_loss_and_its_gradient_are_those_of_plain_forwards(
    tiny_model: TinyModel, model_type: str, branching: bool, method: str
) -> None:
    model = prompted(tiny_model(model_type), method)
    titles = CATALOGUE if branching else CATALOGUE[:1]
    sequences = [[*PROMPT, *title] for title in titles]
    plan = Plan([merge(sequences, [len(PROMPT)] * len(sequences))], batch_size=len(sequences))
    (batch,) = plan.batches(0)
    assert ("ends" in batch) == branching
    weight = model.prompt_encoder["default"].embedding.weight
    loss = completion_loss(model, batch)
    (gradient,) = torch.autograd.grad(loss, weight)
    by_hand = -torch.stack([plain(model, PROMPT, title).mean() for title in titles]).mean()
    (expected,) = torch.autograd.grad(by_hand, weight)
    assert loss.item() == pytest.approx(by_hand.item(), abs=1e-5)
    assert expected.abs().max() > 1e-4
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-4)


def test_virtual_tokens_take_room_of_the_context(tiny_model: TinyModel) -> None:
    base = tiny_model("qwen3")
    longest = max(map(len, CATALOGUE))
    fits = [3] * (64 - VIRTUAL - longest)
    Ranker(prompted(base), CATALOGUE).scores(fits)
    with pytest.raises(ValueError, match="do not fit the model's context of 59"):
        Ranker(prompted(tiny_model("qwen3")), CATALOGUE).scores([*fits, 3])
    assert Prefix(prompted(tiny_model("qwen3")), [fits]).width == VIRTUAL + len(fits)
