import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from promptrec_tui.errors import UserError
from promptrec_tui.models.loading import (
    add_lora,
    choose_device,
    choose_dtype,
    exchange_adapter,
    load_adapter,
    load_base,
)

SaveModel = Callable[..., Path]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Tuning:
    rank: int = 4
    alpha: int = 8
    dropout: float = 0.0
    targets: str = "all-linear"


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


@pytest.mark.parametrize("model_type", ["qwen3", "gpt2"])
def test_an_adapter_comes_back_as_it_was(save_model: SaveModel, tmp_path: Path, model_type: str) -> None:
    folder = save_model(model_type)
    tuned = add_lora(load_base(folder, CPU, torch.float32), Tuning())
    assert all("lora_" in name for name, weight in tuned.named_parameters() if weight.requires_grad)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    tuned.save_pretrained(tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(folder)
    assert config["task_type"] == "CAUSAL_LM"
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (4, 8, 0.0)

    again = load_adapter(load_base(folder, CPU, torch.float32), tmp_path / "adapter")
    assert not any(weight.requires_grad for weight in again.parameters())
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(again(ids).logits, tuned.eval()(ids).logits)
        with again.disable_adapter():
            assert not torch.equal(again(ids).logits, tuned(ids).logits)


def test_all_linear_means_every_layer_but_the_head(save_model: SaveModel) -> None:
    model = add_lora(load_base(save_model("llama"), CPU, torch.float32), Tuning())
    adapted = {
        name.split(".lora_A")[0].rsplit(".", 1)[-1]
        for name, _ in model.named_parameters()
        if "lora_A" in name
    }
    assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_targets_can_be_named(save_model: SaveModel) -> None:
    folder = save_model("llama")
    model = add_lora(load_base(folder, CPU, torch.float32), Tuning(targets="q_proj,v_proj"))
    adapted = {
        name.split(".lora_A")[0].rsplit(".", 1)[-1]
        for name, _ in model.named_parameters()
        if "lora_A" in name
    }
    assert adapted == {"q_proj", "v_proj"}
    with pytest.raises(UserError, match=r"targets=query does not fit.*q_proj"):
        add_lora(load_base(folder, CPU, torch.float32), Tuning(targets="query"))


def test_a_strange_adapter_is_refused(save_model: SaveModel, tmp_path: Path) -> None:
    model = load_base(save_model("llama"), CPU, torch.float32)
    for text, words in [
        ("", "no readable adapter_config"),
        ('{"peft_type": "IA3"}', "type IA3"),
        ('{"peft_type": "LORA", "auto_mapping": {"parent_library": "evil"}}', "auto_mapping"),
        ('{"peft_type": "LORA"}', "no adapter_model.safetensors"),
    ]:
        (tmp_path / "adapter_config.json").write_text(text)
        (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04.")
        with pytest.raises(UserError, match=words):
            load_adapter(model, tmp_path)


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


@pytest.mark.parametrize("kind", ["renamed", "missing", "of another size"])
def test_an_adapter_whose_weights_do_not_fit_is_refused_by_name(
    save_model: SaveModel, tmp_path: Path, kind: str
) -> None:
    folder = save_model("llama")
    model = add_lora(load_base(folder, CPU, torch.float32), Tuning())
    model.save_pretrained(tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    weights = load_file(file)
    name = min(weights)
    weight = weights.pop(name)
    if kind == "renamed":
        weights[f"{name}.old"] = weight + 1
    elif kind == "of another size":
        weights[name] = weight[:1].clone()
    save_file(weights, file)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.fill_(0.5)
    words = rf"adapter_model\.safetensors.*{name if kind != 'of another size' else 'size'}"
    with pytest.raises(UserError, match=words):
        exchange_adapter(model, tmp_path)
    assert all(bool((each == 0.5).all()) for each in model.parameters() if each.requires_grad)
    with pytest.raises(
        UserError, match=r"adapter_model\.safetensors" if kind != "of another size" else "fit"
    ):
        load_adapter(load_base(folder, CPU, torch.float32), tmp_path)


@pytest.mark.parametrize("embeddings", ["auto", False])
@pytest.mark.parametrize("targets", ["embed_tokens,q_proj", "q_proj,lm_head", "all-linear"])
def test_an_adapter_fits_with_or_without_the_embeddings_beside_it(
    save_model: SaveModel, tmp_path: Path, targets: str, embeddings: str | bool
) -> None:
    """peft saves the layers under an adapter of embeddings too; a result leaves them out."""
    folder = save_model("llama")
    model = add_lora(load_base(folder, CPU, torch.float32), Tuning(targets=targets))
    model.save_pretrained(tmp_path, save_embedding_layers=embeddings)
    exchange_adapter(model, tmp_path)
    load_adapter(load_base(folder, CPU, torch.float32), tmp_path)
