"""Small byte-level tokenizers in model folders, as the three common families lay them out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer

TEXT = (
    "Heat (1995)\nAlien\nThe Thing (1982)\n英雄\n卧虎藏龙\n"
    "如果你喜欢《英雄》，你会喜欢哪部电影？\nfilms I enjoyed"
)


def train(tokenizer: Tokenizer, text: str, specials: list[str], alphabet: list[str]) -> None:
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text] * 9, trainer)


def byte_level(*, lines: bool) -> Tokenizer:
    """Of GPT-2's make; with `lines`, every newline is cut off first and so always one token."""
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not lines)
    split = pre_tokenizers.Split("\n", "isolated")
    words = pre_tokenizers.Split(Regex(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, words, level]) if lines else level
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, TEXT, ["<|endoftext|>"], sorted(pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def llama() -> Tokenizer:
    """Of Llama 2's make: a space before the first word, bytes for what is unknown, BOS by post-processor."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    train(tokenizer, TEXT.replace("\n", " "), ["<unk>", "<s>", "</s>", *byte_tokens], [])
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = document["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


FOLDERS: dict[str, tuple[Callable[[], Tokenizer], dict[str, Any], dict[str, Any]]] = {
    "gpt2": (
        lambda: byte_level(lines=False),
        {"n_positions": 128, "bos_token_id": 0, "eos_token_id": 0},
        {"add_bos_token": False, "eos_token": {"content": "<|endoftext|>"}},
    ),
    "lines": (
        lambda: byte_level(lines=True),
        {"max_position_embeddings": 1024, "eos_token_id": 0},
        {"eos_token": "<|endoftext|>"},
    ),
    "llama": (
        llama,
        {"max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": [2, 1]},
        {"add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>"},
    ),
}


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model folder without weights, by the name of its family."""
    root = tmp_path_factory.mktemp("models")

    def folder(family: str) -> Path:
        made = root / family
        if not made.exists():
            build, config, settings = FOLDERS[family]
            made.mkdir()
            build().save(str(made / "tokenizer.json"))
            (made / "config.json").write_text(json.dumps(config))
            (made / "tokenizer_config.json").write_text(json.dumps(settings))
        return made

    return folder


@pytest.fixture(scope="session")
def tokenizer_of(model_folder: Callable[[str], Path]) -> Callable[[str], TextTokenizer]:
    return lambda family: load_tokenizer(model_folder(family))


@pytest.fixture(params=sorted(FOLDERS))
def tokenizer(request: pytest.FixtureRequest, tokenizer_of: Callable[[str], TextTokenizer]) -> TextTokenizer:
    return tokenizer_of(request.param)


@pytest.fixture
def template() -> Template:
    return Template(
        name="mine",
        task="next_item",
        language="en",
        prompt="Seen:{% for item in history %} {{ item.title }};{% endfor %} next:",
        completion="{{ item.title }}",
    )
