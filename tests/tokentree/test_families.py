"""Families whose layers may see a window only: ranked as they are, whichever way that takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from promptrec_tui.tokentree.ranker import Ranker

TinyModel = Callable[..., PreTrainedModel]
Naive = Callable[..., Tensor]

PROMPT = [(37 * place) % 90 + 3 for place in range(20)]
CATALOGUE = [[5, 6, 7, 2], [5, 6, 2], [5, 6, 7, 8, 9, 2], [9, 8, 7, 2], [9, 4, 2], [11, 2], [2], [5, 6, 2]]
LONGEST = 6
MIXED = ["sliding_attention", "full_attention", "sliding_attention"]
ALTERNATING = {"layer_types": MIXED}
ASKED = {"use_sliding_window": True, "layer_types": MIXED}
SLIDING: dict[str, dict[str, Any]] = {
    "gemma3_text": ALTERNATING,
    "mistral": {},
    "phi3": {},
    "qwen2": ASKED,
    "qwen3": ASKED,
    "smollm3": ASKED,
    "starcoder2": {},
}
families = pytest.mark.parametrize("model_type", sorted(SLIDING))


@contextmanager
def masks_given(model: PreTrainedModel) -> Iterator[list[bool]]:
    """Whether each forward of the backbone meanwhile is given a mask of ours, as trees need it."""
    given: list[bool] = []

    def note(module: Any, args: Any, kwargs: Any) -> None:
        given.append(kwargs.get("attention_mask") is not None)

    hook = model.base_model.register_forward_pre_hook(note, with_kwargs=True)
    yield given
    hook.remove()


def check_exact(ranker: Ranker, expected: Tensor) -> None:
    torch.testing.assert_close(ranker.scores(PROMPT), expected, atol=1e-4, rtol=0)
    order = expected.argsort(descending=True, stable=True).tolist()
    assert [index for index, _ in ranker.top_k(PROMPT, 4)] == order[:4]
    for target in (order[0], order[-1]):
        better, equal = (expected > expected[target]).sum(), CATALOGUE.count(CATALOGUE[target])
        assert ranker.rank_of(PROMPT, target) == 1 + int(better) + (equal - 1) / 2


@families
def test_a_prompt_longer_than_the_window_is_ranked_in_plain_batches(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str
) -> None:
    model = tiny_model(model_type, sliding_window=8, **SLIDING[model_type])
    expected = naive_scores(model, PROMPT, CATALOGUE)
    unlimited = tiny_model(model_type, sliding_window=64, **SLIDING[model_type])
    assert (expected - naive_scores(unlimited, PROMPT, CATALOGUE)).abs().max() > 0.01
    with masks_given(model) as masks:
        check_exact(Ranker(model, CATALOGUE), expected)
    assert not any(masks)


@families
def test_a_window_that_a_title_s_end_would_leave_is_kept(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str
) -> None:
    """The prompt fits in it and most titles do, the longest one does not."""
    model = tiny_model(model_type, sliding_window=len(PROMPT) + LONGEST - 3, **SLIDING[model_type])
    check_exact(Ranker(model, CATALOGUE), naive_scores(model, PROMPT, CATALOGUE))


@families
@pytest.mark.parametrize("window", [len(PROMPT) + LONGEST, 64])
def test_a_prompt_and_title_within_the_window_are_ranked_in_a_tree(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str, window: int
) -> None:
    model = tiny_model(model_type, sliding_window=window, **SLIDING[model_type])
    with masks_given(model) as masks:
        check_exact(Ranker(model, CATALOGUE), naive_scores(model, PROMPT, CATALOGUE))
    assert any(masks)


@families
def test_a_family_with_its_window_off_is_ranked_in_a_tree(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str
) -> None:
    changes: dict[str, Any] = {"sliding_window": None}
    if model_type in ("qwen2", "qwen3", "smollm3"):
        # These have a window in their config that they use only when told to.
        changes = {"sliding_window": 8, "use_sliding_window": False}
    elif model_type == "gemma3_text":
        changes = {"sliding_window": 8, "layer_types": ["full_attention"] * 3}
    model = tiny_model(model_type, **changes)
    with masks_given(model) as masks:
        check_exact(Ranker(model, CATALOGUE), naive_scores(model, PROMPT, CATALOGUE))
    assert any(masks)


@pytest.mark.parametrize("model_type", ["mistral", "phi3", "starcoder2"])
def test_a_window_of_all_layers_is_kept_whatever_the_config_calls_them(
    tiny_model: TinyModel, naive_scores: Naive, model_type: str
) -> None:
    """These families slide by `sliding_window` alone and do not look at `layer_types`."""
    model = tiny_model(model_type, sliding_window=8, layer_types=["full_attention"] * 3)
    check_exact(Ranker(model, CATALOGUE), naive_scores(model, PROMPT, CATALOGUE))


def test_positions_that_hang_on_the_length_are_refused(tiny_model: TinyModel) -> None:
    """Phi-3's longrope turns all keys differently once the input is longer than its original context."""
    rope = {"rope_type": "longrope", "rope_theta": 10000.0}
    rope |= {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
    model = tiny_model("phi3", original_max_position_embeddings=22, rope_parameters=rope)
    with pytest.raises(ValueError, match="do not change with the length"):
        Ranker(model, CATALOGUE)
