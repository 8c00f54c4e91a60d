import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import CONFIG_MAPPING, AutoModel, AutoModelForCausalLM

from promptrec_tui.models.config import ENCODER_TYPES

TOKENIZER = {
    "version": "1.0",
    "added_tokens": [{"id": 96, "content": "<end>"}],
    "model": {"type": "BPE", "vocab": {chr(33 + index): index for index in range(90)}, "merges": []},
}

EMBEDDING = "model.embed_tokens.weight"

SaveModel = Callable[..., Path]


@pytest.fixture
def save_model(tmp_path: Path) -> SaveModel:
    """Writes a tiny random model as transformers does, with a tokenizer.json beside it."""

    def save(model_type: str = "qwen3", dtype: torch.dtype = torch.float32, shard: str = "50GB") -> Path:
        sizes: dict[str, Any] = {"vocab_size": 97, "bos_token_id": 1, "eos_token_id": 2}
        if model_type == "gpt2":
            sizes |= {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
        else:
            sizes |= {
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "max_position_embeddings": 64,
                "pad_token_id": 0,
            }
        torch.manual_seed(0)
        folder = tmp_path / model_type
        if model_type == "opt":
            sizes |= {"ffn_dim": 32, "word_embed_proj_dim": 8}
        if model_type in ENCODER_TYPES:
            # No weight of a mask: MiniLM and others come so.
            sizes |= {"dim": 16, "hidden_dim": 32, "embedding_size": 16, "dropout": 0.0}
        kind = AutoModel if model_type in ENCODER_TYPES else AutoModelForCausalLM
        model = kind.from_config(CONFIG_MAPPING[model_type](**sizes))
        model.to(dtype).save_pretrained(folder, max_shard_size=shard)
        (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
        return folder

    return save


@pytest.fixture
def plain_folder(tmp_path: Path) -> Path:
    """A folder that passes the check, made without transformers: quick to make, easy to spoil."""
    folder = tmp_path / "plain"
    folder.mkdir()
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 97,
        "max_position_embeddings": 64,
        "hidden_size": 16,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    save_file({EMBEDDING: torch.zeros(97, 16), "b": torch.zeros(5)}, folder / "model.safetensors")
    return folder
