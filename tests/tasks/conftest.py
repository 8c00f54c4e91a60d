"""One catalogue, and tokenizers that keep a newline apart or merge it with what stands before it."""

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import TextTokenizer

NAMES = ["Heat", "Alien", "英雄", "Ran", "Up", "花样年华", "Jaws", "M"]
TITLES = [f"{name} ({1950 + 3 * number})" for number, name in enumerate(NAMES)]
NEWLINES = {
    "apart": pre_tokenizers.Split("\n", "isolated"),
    # The part of Qwen's pattern that matters: a bracket takes the newline behind it.
    "merged": pre_tokenizers.Split(Regex(r"[^\s\w]+[\r\n]*|\s*[\r\n]+"), "isolated"),
}


def build(newlines: str, *, bos: bool = False, context: int = 1024) -> TextTokenizer:
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=newlines == "apart")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([NEWLINES[newlines], level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["\n".join(TITLES) + "\n"] * 9, trainer)
    tokenizer.encode_special_tokens = True
    return TextTokenizer(tokenizer, bos_id=0 if bos else None, eos_id=1, context=context)


@pytest.fixture(scope="session")
def apart() -> TextTokenizer:
    return build("apart")


@pytest.fixture(scope="session")
def merged() -> TextTokenizer:
    return build("merged")


@pytest.fixture(scope="session")
def with_bos() -> TextTokenizer:
    return build("apart", bos=True)


@pytest.fixture
def items() -> list[dict[str, str]]:
    return [{"title": title, "year": title[-5:-1]} for title in TITLES]


@pytest.fixture
def listing() -> Template:
    """One title a line, a newline as end token."""
    lines = "{% for item in history %}{{ item.title }}\n{% endfor %}"
    return Template("lines", "next_item", "any", lines, "{{ item.title }}", "\n")


@pytest.fixture
def question() -> Template:
    """A prompt that ends in a question, so that no prompt begins with another."""
    text = "{% for item in history %}{{ item.title }}\n{% endfor %}What next?\n"
    return Template("question", "next_item", "en", text, "{{ item.title }}")
