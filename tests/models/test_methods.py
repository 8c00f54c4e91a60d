import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from promptrec_tui.errors import UserError
from promptrec_tui.models.config import CAUSAL_TYPES
from promptrec_tui.models.loading import load_base, load_classifier
from promptrec_tui.models.methods import ATTACH, Tuned, attach, load_tuned
from promptrec_tui.runs.tuning_settings import METHODS as KNOWN
from promptrec_tui.runs.tuning_settings import (
    DoraSettings,
    FullSettings,
    HeadSettings,
    Ia3Settings,
    LastLayersSettings,
    LoraSettings,
    NoneSettings,
    OftSettings,
    PrefixTuningSettings,
    PromptTuningSettings,
    PTuningSettings,
    RsloraSettings,
    TuningSettings,
    VeraSettings,
)

SaveModel = Callable[..., Path]
CPU = torch.device("cpu")


def lora(folder: Path, **settings: Any) -> Tuned:
    """The model of a folder under fresh adapters."""
    given = {"rank": 4, "alpha": 8, "dropout": 0.0, **settings}
    return attach(load_base(folder, CPU, torch.float32), LoraSettings(**given))


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
        ('{"peft_type": "POLY"}', "type POLY"),
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


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def stepped(tuned: Tuned, seed: int = 1) -> Tuned:
    """After a step: every weight that trains is another one."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in tuned.model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.1)
    return tuned


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return torch.as_tensor(model.eval()(torch.tensor([[5, 6, 7]])).logits)


METHODS: list[TuningSettings] = [
    LoraSettings(rank=4, dropout=0.0),
    RsloraSettings(rank=4, dropout=0.0),
    DoraSettings(rank=4, dropout=0.0),
    VeraSettings(rank=8, dropout=0.0),
    Ia3Settings(),
    OftSettings(block_size=4),
    PromptTuningSettings(tokens=3),
    PTuningSettings(tokens=3, width=8),
    PrefixTuningSettings(tokens=3),
    LastLayersSettings(layers=1),
    HeadSettings(),
    FullSettings(),
    NoneSettings(),
]
REFUSED = {
    ("gpt2", "oft"): r"tuning\.method=oft does not fit this model .*set tuning\.method=lora",
    ("qwen3", "head"): r"set tuning\.method=last_layers",
    ("gpt2", "head"): r"set tuning\.method=last_layers",
}
"""Methods that a model does not take, and the nearest one that works."""


def test_every_method_is_tested() -> None:
    assert [settings.method for settings in METHODS] == list(KNOWN) == list(ATTACH)


@pytest.mark.parametrize("settings", METHODS, ids=lambda each: each.method)
@pytest.mark.parametrize("model_type", ["qwen3", "gpt2", "bert"])
def test_every_method_saves_loads_exchanges_and_has_its_untuned_model(
    save_model: SaveModel, tmp_path: Path, model_type: str, settings: TuningSettings
) -> None:
    folder = save_model(model_type)

    def base() -> Any:
        if model_type == "bert":
            return load_classifier(folder, CPU, torch.float32, ["a", "b"])
        return load_base(folder, CPU, torch.float32)

    if words := REFUSED.get((model_type, settings.method)):
        with pytest.raises(UserError, match=words):
            attach(base(), settings)
        return
    untuned = logits(base())
    tuned = stepped(attach(base(), settings))
    after = logits(tuned.model)
    assert torch.equal(after, untuned) == (settings.method == "none")
    with tuned.untuned():
        assert torch.equal(logits(tuned.model), untuned)
    assert torch.equal(logits(tuned.model), after)

    tuned.save(tmp_path / "one", "a base")
    assert "a base" in "".join(path.read_text() for path in (tmp_path / "one").glob("*.json"))
    loaded = load_tuned(base(), tmp_path / "one")
    assert not any(weight.requires_grad for weight in loaded.model.parameters())
    assert torch.equal(logits(loaded.model), after)
    with loaded.untuned():
        assert torch.equal(logits(loaded.model), untuned)

    stepped(tuned, seed=2).save(tmp_path / "two")
    loaded.exchange(tmp_path / "two")
    assert torch.equal(logits(loaded.model), logits(tuned.model))
    tuned.exchange(tmp_path / "one")
    assert torch.equal(logits(tuned.model), after)


def test_an_interrupted_look_at_the_untuned_model_leaves_the_tuned_one(save_model: SaveModel) -> None:
    tuned = stepped(attach(load_base(save_model(), CPU, torch.float32), FullSettings()))
    after = weights_of(tuned.model)
    with pytest.raises(KeyboardInterrupt), tuned.untuned():
        raise KeyboardInterrupt
    assert all(torch.equal(weight, after[name]) for name, weight in weights_of(tuned.model).items())


def test_tied_weights_train_and_are_saved_as_one(save_model: SaveModel, tmp_path: Path) -> None:
    base = load_base(save_model("gpt2"), CPU, torch.float32)
    assert base.get_output_embeddings().weight is base.get_input_embeddings().weight
    tuned = stepped(attach(base, FullSettings()))
    tuned.save(tmp_path)
    saved = load_file(tmp_path / "tuned_weights.safetensors")
    assert saved.keys() == dict(base.named_parameters()).keys()
    assert base.get_output_embeddings().weight is base.get_input_embeddings().weight


@pytest.mark.parametrize(
    ("model_type", "beyond"),
    [
        ("bert", {"bert.pooler", "classifier"}),
        ("gpt2", {"transformer.ln_f"}),
        ("gpt_neox", {"gpt_neox.final_layer_norm"}),
        ("opt", {"model.decoder.final_layer_norm", "model.decoder.project_out"}),
        ("olmo", set()),
        ("phi", {"model.final_layernorm"}),
        *(
            (each, {"model.norm"})
            for each in sorted(CAUSAL_TYPES - {"gpt2", "gpt_neox", "opt", "olmo", "phi"})
        ),
    ],
)
def test_the_last_layers_are_the_top_blocks_and_what_follows_them(
    save_model: SaveModel, model_type: str, beyond: set[str]
) -> None:
    folder = save_model(model_type)
    if model_type == "bert":
        base = load_classifier(folder, CPU, torch.float32, ["a", "b"])
    else:
        base = load_base(folder, CPU, torch.float32)
    attach(base, LastLayersSettings(layers=1))
    trained = {name for name, weight in base.named_parameters() if weight.requires_grad}
    block = re.compile(r".*\b(?:h|layers?)\.(\d)\.")
    block_numbers = {name: match[1] for name in trained if (match := block.match(name))}
    every = {name for name, _ in base.named_parameters() if (match := block.match(name)) and match[1] == "1"}
    assert block_numbers.keys() == every
    assert {name.rpartition(".")[0].removesuffix(".dense") for name in trained - every} == beyond


def test_more_last_layers_than_there_are_is_one_sentence(save_model: SaveModel) -> None:
    with pytest.raises(UserError, match=r"tuning\.layers=3 is more than this model has: set it to 2"):
        attach(load_base(save_model(), CPU, torch.float32), LastLayersSettings(layers=3))


@pytest.mark.parametrize("kind", ["missing", "of another size", "torn", "unknown method"])
def test_weights_that_do_not_fit_are_refused_and_change_nothing(
    save_model: SaveModel, tmp_path: Path, kind: str
) -> None:
    folder = save_model()
    tuned = stepped(attach(load_base(folder, CPU, torch.float32), FullSettings()))
    tuned.save(tmp_path)
    file = tmp_path / "tuned_weights.safetensors"
    weights = load_file(file)
    name = min(weights)
    weight = weights.pop(name)
    if kind == "of another size":
        weights[name] = weight[:1].clone()
    if kind == "torn":
        file.write_bytes(file.read_bytes()[:-8])
    elif kind == "unknown method":
        (tmp_path / "tuning.json").write_text('{"settings": {"method": "x"}}')
    else:
        save_file(weights, file)
    before = weights_of(tuned.model)
    if kind != "unknown method":
        with pytest.raises(UserError, match=r"tuned_weights\.safetensors"):
            tuned.exchange(tmp_path)
        assert all(torch.equal(each, before[name]) for name, each in weights_of(tuned.model).items())
    with pytest.raises(UserError, match=r"tuned_weights\.safetensors|tuning\.json"):
        load_tuned(load_base(folder, CPU, torch.float32), tmp_path)
