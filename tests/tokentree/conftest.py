from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

VOCABULARY = 97
GPT2_NAMES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
    "intermediate_size": "n_inner",
}

TinyModel = Callable[..., PreTrainedModel]
Naive = Callable[[PreTrainedModel, Sequence[int], Sequence[Sequence[int]]], Tensor]


@pytest.fixture
def tiny_model() -> TinyModel:
    """Makes a random model of a type, with weights large enough that every token and position matters."""

    def make(model_type: str, attention: str = "sdpa", **changes: Any) -> PreTrainedModel:
        sizes: dict[str, Any] = {
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "max_position_embeddings": 64,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        }
        if model_type == "gpt2":
            sizes = {GPT2_NAMES.get(name, name): value for name, value in sizes.items()}
        elif model_type == "opt":
            sizes |= {"ffn_dim": 64, "word_embed_proj_dim": 32}
        elif model_type != "gpt_neox":
            sizes["num_key_value_heads"] = 2
        if model_type in ("gemma", "gemma3_text", "qwen3"):
            sizes["head_dim"] = 8
        torch.manual_seed(0)
        config = CONFIG_MAPPING[model_type](**sizes | changes)
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
        for weight in model.parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.2)
        return model.eval()

    return make


@pytest.fixture
def naive_scores() -> Naive:
    """One whole forward of transformers a title, the definition itself: [N]."""

    def scores_of(
        model: PreTrainedModel, prompt: Sequence[int], catalogue: Sequence[Sequence[int]]
    ) -> Tensor:
        scores = []
        with torch.no_grad():
            for title in catalogue:
                logits = model(torch.tensor([[*prompt, *title]]), use_cache=False).logits[0]
                steps = torch.log_softmax(logits.float(), dim=-1)[len(prompt) - 1 : -1]
                scores.append(steps[torch.arange(len(title)), torch.tensor(title)].sum())
        return torch.stack(scores)

    return scores_of
