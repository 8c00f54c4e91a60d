import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from promptrec_tui.errors import UserError
from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach, load_tuned
from promptrec_tui.runs.spec import TuningSettings

SaveModel = Callable[..., Path]
CPU = torch.device("cpu")


def lora(folder: Path, **settings: Any) -> Tuned:
    """The model of a folder under fresh adapters."""
    given = {"rank": 4, "alpha": 8, "dropout": 0.0, **settings}
    return attach(load_base(folder, CPU, torch.float32), TuningSettings(**given))


@pytest.mark.parametrize("model_type", ["qwen3", "gpt2"])
def test_an_adapter_comes_back_as_it_was(save_model: SaveModel, tmp_path: Path, model_type: str) -> None:
    folder = save_model(model_type)
    tuned = lora(folder).model
    assert all("lora_" in name for name, weight in tuned.named_parameters() if weight.requires_grad)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    tuned.save_pretrained(tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(folder)
    assert config["task_type"] == "CAUSAL_LM"
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (4, 8, 0.0)

    loaded = load_tuned(load_base(folder, CPU, torch.float32), tmp_path / "adapter")
    again = loaded.model
    assert not any(weight.requires_grad for weight in again.parameters())
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(again(ids).logits, tuned.eval()(ids).logits)
        with loaded.untuned():
            assert not torch.equal(again(ids).logits, tuned(ids).logits)


def test_all_linear_means_every_layer_but_the_head(save_model: SaveModel) -> None:
    model = lora(save_model("llama")).model
    adapted = {
        name.split(".lora_A")[0].rsplit(".", 1)[-1]
        for name, _ in model.named_parameters()
        if "lora_A" in name
    }
    assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_targets_can_be_named(save_model: SaveModel) -> None:
    folder = save_model("llama")
    model = lora(folder, targets="q_proj,v_proj").model
    adapted = {
        name.split(".lora_A")[0].rsplit(".", 1)[-1]
        for name, _ in model.named_parameters()
        if "lora_A" in name
    }
    assert adapted == {"q_proj", "v_proj"}
    with pytest.raises(UserError, match=r"targets=query does not fit.*q_proj"):
        lora(folder, targets="query")


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
            load_tuned(model, tmp_path)


@pytest.mark.parametrize("kind", ["renamed", "missing", "of another size"])
def test_an_adapter_whose_weights_do_not_fit_is_refused_by_name(
    save_model: SaveModel, tmp_path: Path, kind: str
) -> None:
    folder = save_model("llama")
    tuned = lora(folder)
    model = tuned.model
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
        tuned.exchange(tmp_path)
    assert all(bool((each == 0.5).all()) for each in model.parameters() if each.requires_grad)
    with pytest.raises(
        UserError, match=r"adapter_model\.safetensors" if kind != "of another size" else "fit"
    ):
        load_tuned(load_base(folder, CPU, torch.float32), tmp_path)


@pytest.mark.parametrize("embeddings", ["auto", False])
@pytest.mark.parametrize("targets", ["embed_tokens,q_proj", "q_proj,lm_head", "all-linear"])
def test_an_adapter_fits_with_or_without_the_embeddings_beside_it(
    save_model: SaveModel, tmp_path: Path, targets: str, embeddings: str | bool
) -> None:
    """peft saves the layers under an adapter of embeddings too; a result leaves them out."""
    folder = save_model("llama")
    tuned = lora(folder, targets=targets)
    tuned.model.save_pretrained(tmp_path, save_embedding_layers=embeddings)
    tuned.exchange(tmp_path)
    load_tuned(load_base(folder, CPU, torch.float32), tmp_path)
