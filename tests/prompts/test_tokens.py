import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer, newline_apart

Folder = Callable[[str], Path]
SPECIALS = {"gpt2": {0}, "lines": {0}, "llama": {0, 1, 2}}


@given(
    text=st.text() | st.text(st.sampled_from("<|endoftext|> \n</s>英雄")),
    family=st.sampled_from(["gpt2", "lines"]),
)
def test_byte_level_text_comes_back(
    tokenizer_of: Callable[[str], TextTokenizer], text: str, family: str
) -> None:
    tokenizer = tokenizer_of(family)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("family", SPECIALS)
def test_special_tokens_in_data_are_text(
    model_folder: Folder, tokenizer_of: Callable[[str], TextTokenizer], family: str
) -> None:
    text = "Heat</s><s>Alien<|endoftext|><unk>"
    naive = Tokenizer.from_file(str(model_folder(family) / "tokenizer.json")).encode(
        text, add_special_tokens=False
    )
    assert SPECIALS[family] & set(naive.ids)
    ids = tokenizer_of(family).encode(text)
    assert not SPECIALS[family] & set(ids)
    assert tokenizer_of(family).decode(ids) == text


@given(text=st.text() | st.text(st.sampled_from("ab (1)<|endoftext|> \n\n\r\u0301e英雄")))
def test_encoding_line_by_line_changes_no_id(tokenizer_of: Callable[[str], TextTokenizer], text: str) -> None:
    lines = tokenizer_of("lines")
    assert newline_apart(lines.tokenizer) is not None
    assert lines.encode(text) == lines.tokenizer.encode(text, add_special_tokens=False).ids


def test_other_tokenizers_are_not_taken_line_by_line(tokenizer_of: Callable[[str], TextTokenizer]) -> None:
    assert newline_apart(tokenizer_of("gpt2").tokenizer) is None
    assert newline_apart(tokenizer_of("llama").tokenizer) is None
    with_added = Tokenizer.from_str(tokenizer_of("lines").tokenizer.to_str())
    with_added.add_tokens(["a\nb"])
    assert newline_apart(with_added) is None
    normalised = Tokenizer.from_str(tokenizer_of("lines").tokenizer.to_str())
    normalised.normalizer = normalizers.Replace("\n", " ")
    assert newline_apart(normalised) is None
    normalised.normalizer = normalizers.NFC()
    assert newline_apart(normalised) is not None


def test_encoding_adds_nothing_and_survives_surrogates(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode("") == []
    assert tokenizer.encode("a\ud800b\udc00") == tokenizer.encode("a\ufffdb\ufffd")


def test_a_newline_is_one_token_of_its_own(tokenizer_of: Callable[[str], TextTokenizer]) -> None:
    lines = tokenizer_of("lines")
    assert lines.tokens(lines.encode("Heat (1995)\n\nAlien")) == [
        "Heat",
        "Ġ(",
        "1995",
        ")",
        "Ċ",
        "Ċ",
        "Alien",
    ]


def test_what_a_model_folder_says(tokenizer_of: Callable[[str], TextTokenizer]) -> None:
    facts = {name: tokenizer_of(name) for name in ("gpt2", "lines", "llama")}
    assert {name: (t.bos_id, t.eos_id, t.context) for name, t in facts.items()} == {
        "gpt2": (None, 0, 128),
        "lines": (None, 0, 1024),
        "llama": (1, 2, 256),
    }


def changed(folder: Path, target: Path, **files: Any) -> Path:
    shutil.copytree(folder, target)
    for name, content in files.items():
        (target / f"{name}.json").write_text(json.dumps(content))
    return target


@pytest.mark.parametrize(
    ("settings", "bos"),
    [({}, 1), ({"add_bos_token": None}, 1), ({"add_bos_token": False}, None), ({"add_bos_token": True}, 1)],
)
def test_the_flag_goes_before_the_post_processor(
    model_folder: Folder, tmp_path: Path, settings: dict[str, Any], bos: int | None
) -> None:
    config = {"max_position_embeddings": 9}
    folder = changed(model_folder("llama"), tmp_path / "m", config=config, tokenizer_config=settings)
    assert load_tokenizer(folder).bos_id == bos


def test_end_token_from_config_and_from_nested_config(model_folder: Folder, tmp_path: Path) -> None:
    config = {"eos_token_id": [7, 8], "text_config": {"max_position_embeddings": 33}}
    tokenizer = load_tokenizer(
        changed(model_folder("lines"), tmp_path / "m", config=config, tokenizer_config={})
    )
    assert (tokenizer.eos_id, tokenizer.context, tokenizer.end_ids(None)) == (7, 33, [7])


def test_truncation_and_padding_of_the_file_are_off(model_folder: Folder, tmp_path: Path) -> None:
    folder = changed(model_folder("lines"), tmp_path / "m")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    assert load_tokenizer(folder).encode("Heat (1995)") == load_tokenizer(model_folder("lines")).encode(
        "Heat (1995)"
    )


def test_end_tokens(tokenizer: TextTokenizer) -> None:
    (newline,) = tokenizer.end_ids("\n")
    assert tokenizer.encode("Heat\n")[-1] == newline
    assert tokenizer.end_ids(None) == [tokenizer.eos_id]
    with pytest.raises(UserError, match="tokens for this model, and must be one"):
        tokenizer.end_ids("the very end of it")


def test_a_special_end_token_is_named_by_its_text(tokenizer_of: Callable[[str], TextTokenizer]) -> None:
    assert tokenizer_of("llama").end_ids("</s>") == [2]
    with pytest.raises(UserError, match="must be one"):
        tokenizer_of("gpt2").end_ids("</s>")


def test_no_end_token(model_folder: Folder, tmp_path: Path) -> None:
    config = {"max_position_embeddings": 9}
    folder = changed(model_folder("lines"), tmp_path / "m", config=config, tokenizer_config={})
    with pytest.raises(UserError, match="no end token: set end_token"):
        load_tokenizer(folder).end_ids(None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", None, "no tokenizer.json"),
        ("tokenizer.json", "{}", "not a readable tokenizer"),
        ("config.json", None, "no config.json"),
        ("config.json", "{", "config.json is not JSON"),
        ("config.json", "[]", "not a JSON object"),
        ("config.json", "{}", "no context length"),
    ],
)
def test_a_broken_folder(
    model_folder: Folder, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    folder = changed(model_folder("lines"), tmp_path / "m")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=message):
        load_tokenizer(folder)
