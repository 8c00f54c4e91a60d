import json
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.models.download import (
    check_hub_id,
    fetched_bytes,
    plan_download,
    refuse_config,
    wanted_files,
)

GOOD = {"config.json": 700, "tokenizer.json": 9000, "model.safetensors": 10_000_000}


def test_only_the_needed_files_are_fetched_and_weights_come_last() -> None:
    listing = GOOD | {
        "pytorch_model.bin": 10_000_000,
        "onnx/model.onnx": 1,
        "model.safetensors.index.json": 5,
        "model-00001-of-00002.safetensors": 6_000_000,
        "training_args.bin": 3,
        "nested/config.json": 3,
        "LICENSE": 11,
        ".gitattributes": 2,
    }
    files = wanted_files(listing.items())
    assert [name for name, _ in files] == ["LICENSE", "config.json", "tokenizer.json", "model.safetensors"]
    assert dict(files)["model.safetensors"] == 10_000_000


def test_chat_templates_and_the_names_of_special_tokens_are_fetched() -> None:
    wanted = {
        "additional_chat_templates/tool_use.jinja": 3,
        "chat_template.jinja": 2,
        "special_tokens_map.json": 4,
        "tokenizer_config.json": 5,
    }
    listing = GOOD | wanted | {"templates/other.jinja": 3, "additional_chat_templates/notes.txt": 1}
    assert {name for name, _ in wanted_files(listing.items())} == GOOD.keys() | wanted.keys()


def test_shards_are_fetched_with_their_index() -> None:
    listing = {name: size for name, size in GOOD.items() if name != "model.safetensors"}
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    listing |= {"model.safetensors.index.json": 5, **dict.fromkeys(shards, 100)}
    assert [name for name, _ in wanted_files(listing.items())][-2:] == shards


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_repository_without_a_needed_file_is_refused(name: str) -> None:
    listing = {"pytorch_model.bin": 1} | {file: size for file, size in GOOD.items() if file != name}
    with pytest.raises(UserError, match=name.split(".")[-1]):
        wanted_files(listing.items())


def test_a_repository_with_code_is_refused() -> None:
    with pytest.raises(UserError, match=r"holds code \(modeling_x\.py\)"):
        wanted_files((GOOD | {"modeling_x.py": 5}).items())


@pytest.mark.parametrize(
    "hub_id", ["gpt2", "a/b/c", "../b", "a/..", "a b/c", "a/\x1b[2J", "", "https://h/a/b"]
)
def test_what_is_no_hub_id_is_refused_before_any_connection(hub_id: str) -> None:
    with pytest.raises(UserError, match="no hub id") as caught:
        plan_download(hub_id)
    assert "\x1b" not in str(caught.value)


def test_a_hub_id_is_owner_and_name() -> None:
    assert check_hub_id("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


def test_a_refused_config_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    config = {"model_type": "llama", "vocab_size": 9, "max_position_embeddings": 64}
    (target / "config.json").write_text(json.dumps(config))
    refuse_config("a/b", target)
    assert fetched_bytes(target) == len(json.dumps(config))
    (target / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(UserError, match=r"a/b cannot be used: .*auto_map"):
        refuse_config("a/b", target)
    assert not target.exists()


def test_an_unreachable_hub_is_one_sentence() -> None:
    """In a process of its own: the address is read once, at import."""
    import os
    import subprocess
    import sys

    code = (
        "from promptrec_tui.errors import UserError\n"
        "from promptrec_tui.models.download import plan_download\n"
        "try: plan_download('a/b')\n"
        "except UserError as error: print(error)"
    )
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith("a/b cannot be fetched: ")
    assert answer.stdout.count("\n") == 1
