import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save_file
from transformers import PreTrainedConfig

from promptrec_tui.models.check import FILE_LIMIT, check_model
from promptrec_tui.models.config import CAUSAL_TYPES, CHANGING, KEYS, slides

SaveModel = Callable[..., Path]


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def only_problem(folder: Path) -> str:
    check = check_model(folder)
    assert not check.ok
    assert len(check.problems) == 1, check.problems
    return check.problems[0]


@pytest.mark.parametrize("model_type", ["qwen3", "llama", "gpt2", "gemma3_text"])
def test_what_transformers_saves_passes(save_model: SaveModel, model_type: str) -> None:
    folder = save_model(model_type)
    check = check_model(folder)
    assert check.problems == ()
    assert check.ok
    assert (check.model_type, check.family) == (model_type, "causal")
    assert (check.context, check.vocabulary) == (64, 97)
    assert check.architecture.endswith("ForCausalLM" if model_type != "gpt2" else "GPT2LMHeadModel")
    assert check.size_bytes == (folder / "model.safetensors").stat().st_size
    assert check.size_bytes > 4 * check.parameters > 0


def test_shards_are_counted_together(save_model: SaveModel, plain_folder: Path) -> None:
    folder = save_model("llama", shard="10KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    check = check_model(folder)
    assert check.problems == ()
    assert check.parameters == 2 * 97 * 16 + 2 * (4 * 16 * 16 + 3 * 16 * 32 + 2 * 16) + 16
    assert check_model(plain_folder).parameters == 97 * 16 + 5


def test_masks_in_old_files_are_no_parameters(plain_folder: Path) -> None:
    tensors = {
        "model.embed_tokens.weight": torch.zeros(97, 16),
        "attention.bias": torch.ones(8, 8, dtype=torch.bool),
    }
    save_file(tensors, plain_folder / "model.safetensors")
    assert check_model(plain_folder).parameters == 97 * 16


def test_pickles_alone_are_refused_and_beside_safetensors_ignored(plain_folder: Path) -> None:
    (plain_folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    check = check_model(plain_folder)
    assert check.ok
    assert "pytorch_model.bin is ignored" in check.notes[0]
    (plain_folder / "model.safetensors").unlink()
    assert "pytorch_model.bin, a format that can run code" in only_problem(plain_folder)
    (plain_folder / "pytorch_model.bin").unlink()
    assert "no weights" in only_problem(plain_folder)


@pytest.mark.parametrize("name", ["modeling.py", "deep/er/kernel.py", "kernel.pyc"])
def test_code_is_refused(plain_folder: Path, name: str) -> None:
    (plain_folder / name).parent.mkdir(parents=True, exist_ok=True)
    (plain_folder / name).write_text("")
    assert name in only_problem(plain_folder)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}),
        ("config.json", {"rope_parameters": {"deep": [{"trust_remote_code": True}]}}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}),
        ("generation_config.json", {"custom_generate": "evil/repository"}),
    ],
)
def test_wishes_to_run_code_are_refused(plain_folder: Path, file: str, changes: dict[str, Any]) -> None:
    if not (plain_folder / file).exists():
        (plain_folder / file).write_text("{}")
    edit(plain_folder / file, **changes)
    problem = only_problem(plain_folder)
    assert file in problem
    assert "asks to run code" in problem


@pytest.mark.parametrize(
    "key",
    ["_attn_implementation_internal", "attn_implementation", "_experts_implementation", "kernel_config"],
)
@pytest.mark.parametrize("value", ["evil/kernels", {"attention": ["evil/kernels:flash"]}])
def test_kernels_from_a_repository_are_refused(plain_folder: Path, key: str, value: object) -> None:
    edit(plain_folder / "config.json", **{key: value})
    problem = only_problem(plain_folder)
    assert f"asks to run code of a repository ({key})" in problem


def test_unknown_keys_are_left_out_and_named(plain_folder: Path) -> None:
    odd = {"new\x1b[2Jkey": 1, "attn_implementation": "sdpa", "use_mrope": False, "temperature": 0.7}
    edit(plain_folder / "config.json", **odd)
    check = check_model(plain_folder)
    assert check.ok
    (note,) = check.notes
    assert "not used (attn_implementation, new[2Jkey, temperature, use_mrope)" in note


@pytest.mark.parametrize(("key", "neutral"), [(key, neutral) for key, (neutral, *_) in CHANGING.items()])
def test_a_key_that_changes_what_is_computed_is_refused(
    plain_folder: Path, key: str, neutral: object
) -> None:
    edit(plain_folder / "config.json", **{key: neutral})
    assert check_model(plain_folder).ok
    edit(plain_folder / "config.json", **{key: {"a": 2}})
    assert f"sets {key}, which changes what the model computes" in only_problem(plain_folder)


def test_every_key_that_the_modelling_code_reads_is_known() -> None:
    """transformers' source tells which keys of a config can change a model: each one has its place here."""
    root = Path(transformers.__file__).parent
    files = [root / name for name in ("masking_utils.py", "modeling_rope_utils.py", "cache_utils.py")]
    files += [root / "modeling_layers.py", root / "integrations" / "sdpa_attention.py"]
    for kind in CAUSAL_TYPES:
        files += (root / "models" / kind.removesuffix("_text")).glob("modeling_*.py")
    read: set[str] = set()
    for file in files:
        text = file.read_text()
        read |= set(re.findall(r"\bconfig\.([a-z_]\w*)", text))
        read |= set(re.findall(r'attr\(\s*(?:self\.)?(?:model\.)?\w*config\w*\s*,\s*"(\w+)"', text))
    # What is no key: parts of the class, and keys of heads and of images that no causal model of text has.
    parts = {name for name in dir(PreTrainedConfig()) if name not in PreTrainedConfig().to_dict()}
    others = {"image_token_id", "mm_tokens_per_image", "num_labels", "summary_last_dropout", "json"}
    others |= {"token_classification_bias", "_attn_implementation", "default_theta", "is_heterogeneous"}
    others |= {
        "chain_hidden_post_norm",
        "mtp_hidden_states_first",
        "get_mtp_config",
        "nested_rope_parameter_keys",
    }
    assert len(read) > 80
    assert read - KEYS - CHANGING.keys() - parts - others == set()


@pytest.mark.parametrize("key", ["rope_parameters", "rope_scaling"])
def test_positions_that_change_with_the_length_are_refused(plain_folder: Path, key: str) -> None:
    edit(plain_folder / "config.json", **{key: {"rope_type": "longrope"}})
    assert "positions (longrope)" in only_problem(plain_folder)
    edit(plain_folder / "config.json", **{key: {"rope_type": "default"}})
    assert check_model(plain_folder).ok


def test_the_kind_of_model_is_judged(plain_folder: Path) -> None:
    edit(plain_folder / "config.json", quantization_config={"bits": 4})
    assert "quantised" in only_problem(plain_folder)
    edit(plain_folder / "config.json", quantization_config=None, model_type="t5")
    assert '"t5"' in only_problem(plain_folder)
    edit(plain_folder / "config.json", model_type=["llama"])
    assert "model type" in only_problem(plain_folder)
    edit(plain_folder / "config.json", model_type="llama", max_position_embeddings="many")
    assert "context length" in only_problem(plain_folder)


@pytest.mark.parametrize("text", ["", "[]", '{"a": ', "\xff", "[" * 100_000])
def test_a_damaged_config_is_one_of_the_problems(plain_folder: Path, text: str) -> None:
    (plain_folder / "config.json").write_bytes(text.encode("latin-1"))
    assert "config.json is not a JSON object" in only_problem(plain_folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "generation_config.json"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge"])
def test_only_regular_files_of_a_sensible_size_are_read(plain_folder: Path, name: str, kind: str) -> None:
    path = plain_folder / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.symlink_to("/")
    else:
        with open(path, "wb") as file:
            file.truncate(1 << 40)
    words = "too many" if kind == "huge" else "not a regular file"
    assert f"{name} " in only_problem(plain_folder)
    assert words in only_problem(plain_folder)


def test_a_whole_disk_is_no_model_folder(plain_folder: Path) -> None:
    (plain_folder / "everything").symlink_to("/")
    assert check_model(plain_folder).ok
    for number in range(FILE_LIMIT):
        (plain_folder / str(number)).touch()
    assert "more than 10,000 files" in only_problem(plain_folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vocab_size": 100}, "vocabulary of 100 tokens and the weights hold 97"),
        ({"vocab_size": 10**12}, "no usable vocab_size"),
        ({"max_position_embeddings": 10**12}, "no usable context length"),
        ({"hidden_size": 10**6}, "hidden_size = 1,000,000 and no weight is wider than 97"),
        ({"hidden_size": 10**12}, "hidden_size = 1000000000000 and no weight"),
        ({"intermediate_size": 98}, "intermediate_size = 98"),
        ({"num_hidden_layers": 10**12}, "num_hidden_layers = 1000000000000 and the weights hold 0 layers"),
        ({"num_attention_heads": 10**6, "head_dim": 10**6}, "num_attention_heads x head_dim"),
        ({"num_attention_heads": "many"}, "num_attention_heads = 'many'"),
    ],
)
def test_sizes_that_the_weights_contradict_are_refused(
    plain_folder: Path, changes: dict[str, Any], words: str
) -> None:
    edit(plain_folder / "config.json", **changes)
    assert words in only_problem(plain_folder)


def test_empty_weights_are_refused(plain_folder: Path) -> None:
    save_file({"model.embed_tokens.weight": torch.zeros(0, 16)}, plain_folder / "model.safetensors")
    assert "has no values in the tensor model.embed_tokens.weight" in only_problem(plain_folder)
    save_file({"other.weight": torch.zeros(97, 16)}, plain_folder / "model.safetensors")
    assert check_model(plain_folder).ok
    edit(plain_folder / "config.json", num_hidden_layers=10**12)
    assert "which is no size of a model" in only_problem(plain_folder)


def test_learned_positions_are_counted(save_model: SaveModel) -> None:
    folder = save_model("gpt2")
    edit(folder / "config.json", n_positions=128)
    assert "context of 128 tokens and the weights hold 64 positions" in only_problem(folder)


def test_missing_parts_are_named(plain_folder: Path, tmp_path: Path) -> None:
    (plain_folder / "tokenizer.json").unlink()
    assert "no tokenizer.json" in only_problem(plain_folder)
    (plain_folder / "config.json").unlink()
    assert len(check_model(plain_folder).problems) == 2
    assert "no folder" in only_problem(tmp_path / "nowhere")


def test_a_tokenizer_of_another_model_is_refused(plain_folder: Path) -> None:
    edit(plain_folder / "config.json", vocab_size=96)
    assert "token 96" in only_problem(plain_folder)
    (plain_folder / "tokenizer.json").write_text('{"model": {"vocab": 5}}')
    assert "tokenizer.json is damaged" in only_problem(plain_folder)


def test_an_adapter_is_no_base_model(plain_folder: Path) -> None:
    (plain_folder / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/model"}')
    assert "adapter" in only_problem(plain_folder)


def test_each_shard_has_to_be_there_and_whole(save_model: SaveModel) -> None:
    folder = save_model("llama", shard="10KB")
    first, second, *_ = sorted(folder.glob("*.safetensors"))
    data = first.read_bytes()
    first.write_bytes(data[:-1])
    assert f"{first.name} holds" in only_problem(folder)
    first.write_bytes(data[:5])
    assert f"{first.name} is cut short" in only_problem(folder)
    first.unlink()
    assert f"{first.name} is missing" in only_problem(folder)
    first.write_bytes(second.read_bytes())
    assert "disagree" in only_problem(folder)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "model.bin", 7])
def test_an_index_stays_in_its_folder(plain_folder: Path, name: object) -> None:
    (plain_folder / "model.safetensors").unlink()
    index = plain_folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    assert "no safetensors file in the folder" in only_problem(plain_folder)
    index.write_text('{"weight_map": {}}')
    assert "lists no tensors" in only_problem(plain_folder)
    index.write_text("{}")
    assert "is not an index" in only_problem(plain_folder)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "llama"}, False),
        ({"model_type": "qwen2", "sliding_window": 16}, False),
        ({"model_type": "qwen2", "sliding_window": 16, "use_sliding_window": True}, True),
        ({"model_type": "mistral"}, True),
        ({"model_type": "mistral", "sliding_window": None}, False),
        ({"model_type": "phi3", "sliding_window": 8192}, False),
        ({"model_type": "phi3", "sliding_window": 2047}, True),
        ({"model_type": "qwen3", "sliding_window": 16, "layer_types": ["full_attention"]}, False),
        ({"model_type": "qwen3", "sliding_window": 16, "layer_types": ["sliding_attention"]}, True),
    ],
)
def test_a_sliding_window_is_seen(config: dict[str, Any], expected: bool) -> None:
    assert slides(config | {"max_position_embeddings": 8192}) is expected


def test_the_check_knows_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import promptrec_tui.models.check, sys; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
