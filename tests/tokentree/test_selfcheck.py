"""The check that each model has to pass: those that are fit for trees do, others do not."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from promptrec_tui.models.config import CAUSAL_TYPES
from promptrec_tui.tokentree.selfcheck import LIMIT, largest_difference

TinyModel = Callable[..., PreTrainedModel]

PROMPT = [(37 * place) % 90 + 3 for place in range(20)]
TITLES = [[5, 6, 7, 2], [5, 6, 9, 9, 2], [9, 2]]


def without(model: PreTrainedModel, name: str) -> PreTrainedModel:
    """A model whose backbone does not listen to one of its arguments."""

    def drop(module: Any, args: Any, kwargs: Any) -> Any:
        return args, {key: value for key, value in kwargs.items() if key != name}

    model.base_model.register_forward_pre_hook(drop, with_kwargs=True)
    return model


@pytest.mark.parametrize("model_type", sorted(CAUSAL_TYPES))
def test_every_type_with_full_attention_passes(tiny_model: TinyModel, model_type: str) -> None:
    assert largest_difference(tiny_model(model_type), PROMPT, TITLES) < LIMIT


def test_titles_of_one_token_pass(tiny_model: TinyModel) -> None:
    assert largest_difference(tiny_model("llama"), PROMPT, [[5], [6]]) < LIMIT


@pytest.mark.parametrize("name", ["attention_mask", "position_ids"])
@pytest.mark.parametrize("model_type", ["llama", "gpt2", "qwen3"])
def test_a_model_that_ignores_the_tree_is_found_out(
    tiny_model: TinyModel, model_type: str, name: str
) -> None:
    assert largest_difference(without(tiny_model(model_type), name), PROMPT, TITLES) > 10 * LIMIT


@pytest.mark.parametrize("model_type", ["mistral", "gemma3_text"])
def test_a_window_shorter_than_the_prompt_is_found_out(tiny_model: TinyModel, model_type: str) -> None:
    assert largest_difference(tiny_model(model_type, sliding_window=8), PROMPT, TITLES) > 10 * LIMIT


def test_an_unknown_thing_done_to_the_logits_is_found_out(tiny_model: TinyModel) -> None:
    """As of a family that scales them by a name that nobody here has heard of."""
    model = tiny_model("llama")

    def scale(module: Any, args: Any, output: Any) -> Any:
        output.logits = output.logits / 2
        return output

    model.register_forward_hook(scale)
    assert largest_difference(model, PROMPT, TITLES) > 10 * LIMIT


def test_a_nan_is_not_within_the_limit(tiny_model: TinyModel) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.lm_head.weight[0, 0] = math.nan
    assert not largest_difference(model, PROMPT, TITLES) <= LIMIT


def test_the_check_leaves_the_model_as_it_was(tiny_model: TinyModel) -> None:
    model = tiny_model("llama").train()
    largest_difference(model, PROMPT, TITLES)
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())
