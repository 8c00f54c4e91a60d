import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from promptrec_tui.errors import UserError
from promptrec_tui.models.loading import choose_device, choose_dtype, load_base

SaveModel = Callable[..., Path]
CPU = torch.device("cpu")


@pytest.mark.parametrize("model_type", ["qwen3", "gpt2"])
def test_a_cpu_computes_in_fp32_whatever_the_file_holds(save_model: SaveModel, model_type: str) -> None:
    model = load_base(save_model(model_type, dtype=torch.bfloat16), CPU, torch.bfloat16)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert model.config._attn_implementation == "sdpa"
    assert not model.training


def test_only_known_keys_of_a_config_reach_the_model(save_model: SaveModel) -> None:
    folder = save_model()
    config = json.loads((folder / "config.json").read_text())
    tokens = torch.arange(7)[None]
    before = load_base(folder, CPU, torch.float32)(tokens).logits
    odd = {"attn_implementation": "eager", "temperature": 0.5, "_commit_hash": "x", "use_mrope": True}
    (folder / "config.json").write_text(json.dumps(config | odd | {"is_causal": True}))
    model = load_base(folder, CPU, torch.float32)
    assert model.config._attn_implementation == "sdpa"
    assert not hasattr(model.config, "use_mrope")
    assert torch.equal(model(tokens).logits, before)


def test_a_refused_folder_is_not_loaded(save_model: SaveModel) -> None:
    folder = save_model()
    (folder / "modeling_x.py").write_text("raise SystemExit")
    with pytest.raises(UserError, match=r"modeling_x\.py"):
        load_base(folder, CPU, torch.float32)


def test_lacking_weights_are_not_made_up(save_model: SaveModel) -> None:
    folder = save_model("llama")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lacks 1 weights, model\.layers\.1\.mlp\.up_proj\.weight"):
        load_base(folder, CPU, torch.float32)


def test_weights_of_another_size_are_refused(save_model: SaveModel) -> None:
    folder = save_model("llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))
    with pytest.raises(UserError, match="does not load"):
        load_base(folder, CPU, torch.float32)


def test_devices_are_chosen_by_name() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("cuda:99", "tpu", ""):
        with pytest.raises(UserError, match=r"run\.device"):
            choose_device(name)


def test_precision_follows_the_device() -> None:
    assert choose_dtype("auto", CPU) == torch.float32
    assert choose_dtype("fp32", CPU) == torch.float32
    assert choose_dtype("bf16", torch.device("cuda", 0)) == torch.bfloat16
    with pytest.raises(UserError, match=r"train\.precision"):
        choose_dtype("bf16", CPU)
    with pytest.raises(UserError, match=r"train\.precision"):
        choose_dtype("int3", CPU)
