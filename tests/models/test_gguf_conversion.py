"""A GGUF file made a model folder: one written here, and a real one where its package can be had."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.models.check import check_model
from promptrec_tui.models.gguf_conversion import STRINGS, convert
from promptrec_tui.models.loading import load_base
from promptrec_tui.workspace.models import add_model, list_models
from promptrec_tui.workspace.opening import opened

gguf = pytest.importorskip("gguf", reason="the extra gguf is not installed")

HIDDEN, INNER, HEADS, LAYERS = 32, 64, 4, 2


def silent(name: str, done: int, total: int) -> None:
    """No progress."""


def write_llama(path: Path, formats: Mapping[str, Any] | None = None) -> None:
    """A Llama of two layers with random weights; tensors are fp32 but those that `formats` names."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    alphabet = list(bytes_to_unicode().values())
    tokens = [*alphabet, "th", "<|endoftext|>"]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 1) + [3])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(len(tokens) - 1)
    writer.add_eos_token_id(len(tokens) - 1)
    chance = np.random.default_rng(1)
    shapes = {"token_embd": (len(tokens), HIDDEN), "output_norm": (HIDDEN,), "output": (len(tokens), HIDDEN)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.{name}": shape
            for name, shape in {
                "attn_norm": (HIDDEN,),
                "ffn_norm": (HIDDEN,),
                **dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (HIDDEN, HIDDEN)),
                **dict.fromkeys(("ffn_gate", "ffn_up"), (INNER, HIDDEN)),
                "ffn_down": (HIDDEN, INNER),
            }.items()
        }
    for name, shape in shapes.items():
        weight = np.ones(shape, np.float32)
        if len(shape) > 1:
            weight = chance.normal(0, 0.2, shape).astype(np.float32)
        kind = (formats or {}).get(name)
        if kind is None:
            writer.add_tensor(f"{name}.weight", weight)
        else:
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_file_becomes_a_folder_that_says_what_its_numbers_were(tmp_path: Path) -> None:
    source, target = tmp_path / "small.gguf", tmp_path / "small"
    write_llama(source, {"blk.0.ffn_up": gguf.GGMLQuantizationType.Q8_0})
    seen: list[tuple[int, int]] = []
    made = convert(source, target, lambda name, done, total: seen.append((done, total)))
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert made.precision == ("F32", "Q8_0")
    assert made.strings == STRINGS
    assert made.difference < 1e-5
    check = check_model(target)
    assert check.ok, check.problems
    assert (check.model_type, check.context) == ("llama", 128)
    assert any("small.gguf, whose numbers are F32, Q8_0" in note for note in check.notes)
    model: Any = load_base(target, torch.device("cpu"), torch.float32)
    assert bool(model(torch.tensor([[5, 6, 7]])).logits.isfinite().all())
    assert [path.name for path in tmp_path.iterdir() if "staging" in path.name] == []


def test_a_file_that_is_none_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "torn.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(UserError, match=r"torn\.gguf cannot be converted"):
        convert(tmp_path / "torn.gguf", tmp_path / "torn", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["torn.gguf"]


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"")
    blocked = "import sys; sys.modules['gguf'] = None; sys.argv = ['', sys.argv[1], sys.argv[2]]; "
    code = f"{blocked}from promptrec_tui.models.gguf_conversion import main; sys.exit(main())"
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.gguf"), str(tmp_path / "a")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 1
    assert "pip install 'promptrec-tui[gguf]'" in json.loads(child.stdout.splitlines()[-1])["error"]


def test_a_file_is_added_as_a_base_model(tmp_path: Path) -> None:
    write_llama(tmp_path / "small.gguf")
    home = Home(tmp_path / "home").create()
    told: list[str] = []
    source = str(tmp_path / "small.gguf")
    with opened(home) as here:
        row = add_model(here, source, "small", lambda name, done, total: told.append(name))
        assert row.name in {each.name for each in list_models(here)}
    assert Path(row.folder).parent == home.models
    assert row.model_type == "llama"
    assert "writing the folder" in told
