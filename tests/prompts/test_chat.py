"""Chats as transformers writes them, with the chat templates that three families publish."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.chat import ChatFrame, ChatTemplate, chat_frame
from promptrec_tui.prompts.fitting import completion_ids, fit_prompt, frame_of
from promptrec_tui.prompts.template import Template, check_template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.tasks.next_item import next_item

FAMILIES = Path(__file__).parent / "chat_templates"
TOKENS = {
    "qwen3": {"eos_token": "<|im_end|>", "others": ["<|im_start|>", "<|endoftext|>"]},
    "llama3": {
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|eot_id|>",
        "others": ["<|start_header_id|>", "<|end_header_id|>"],
    },
    "gemma": {"bos_token": "<bos>", "eos_token": "<eos>", "others": ["<start_of_turn>", "<end_of_turn>"]},
}
ENDS = {"qwen3": "<|im_end|>", "llama3": "<|eot_id|>", "gemma": "<end_of_turn>"}
HISTORY = [{"title": "Heat"}, {"title": "英雄"}]


@pytest.fixture(scope="session")
def chat_folder(
    model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A model folder with a family's special tokens and chat template, by its name."""

    def make(family: str) -> Path:
        folder = tmp_path_factory.mktemp(family)
        tokenizer = Tokenizer.from_file(str(model_folder("lines") / "tokenizer.json"))
        named = {name: text for name, text in TOKENS[family].items() if isinstance(text, str)}
        specials = [*named.values(), *TOKENS[family]["others"]]
        tokenizer.add_special_tokens([AddedToken(text, special=True) for text in specials])
        if family == "qwen3":
            tokenizer.add_tokens(["<think>", "</think>"])
        tokenizer.save(str(folder / "tokenizer.json"))
        source = (FAMILIES / f"{family}.jinja").read_text()
        (folder / "tokenizer_config.json").write_text(json.dumps({**named, "chat_template": source}))
        (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 400}))
        return folder

    return make


@pytest.fixture(params=sorted(TOKENS))
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def chat(template: Template) -> Template:
    return replace(template, wrap="chat")


def peer(folder: Path) -> Any:
    """The same tokenizer in transformers."""
    from transformers import PreTrainedTokenizerFast

    settings = json.loads((folder / "tokenizer_config.json").read_text())
    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **settings)


def conversation(folder: Path, *turns: tuple[str, str], ask: bool) -> list[int]:
    messages = [{"role": role, "content": text} for role, text in turns]
    encoding = peer(folder).apply_chat_template(
        messages, add_generation_prompt=ask, enable_thinking=False, tokenize=True, return_dict=True
    )
    return list(encoding["input_ids"])


def test_ids_are_those_of_transformers(
    chat: Template, chat_folder: Callable[[str], Path], family: str
) -> None:
    folder = chat_folder(family)
    tokenizer = load_tokenizer(folder)
    prompt = fit_prompt(chat, tokenizer, HISTORY, 400)
    asked = ("user", "Seen: Heat; 英雄; next:")
    assert list(prompt.token_ids) == conversation(folder, asked, ask=True)
    answer = completion_ids(chat, tokenizer, {"title": "Alien"})
    whole = conversation(folder, asked, ("assistant", "Alien"), ask=False)
    assert [*prompt.token_ids, *answer] == whole[: len(prompt.token_ids) + len(answer)]
    assert tokenizer.decode(answer) == f"Alien{ENDS[family]}"
    assert "<think>" not in tokenizer.decode(answer)


@pytest.mark.parametrize("family", ["qwen3", "llama3"])
def test_a_system_text_is_the_system_turn(
    chat: Template, chat_folder: Callable[[str], Path], family: str
) -> None:
    folder = chat_folder(family)
    prompt = fit_prompt(replace(chat, system="system"), load_tokenizer(folder), HISTORY, 400)
    turns = ("system", "system"), ("user", "Seen: Heat; 英雄; next:")
    assert list(prompt.token_ids) == conversation(folder, *turns, ask=True)


def test_a_model_without_system_turns_says_so(chat: Template, chat_folder: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match=r"System role not supported\..*Leave the template's system text out"):
        fit_prompt(replace(chat, system="Hello"), load_tokenizer(chat_folder("gemma")), HISTORY, 400)


def test_special_tokens_in_the_data_stay_text(
    chat: Template, chat_folder: Callable[[str], Path], family: str
) -> None:
    tokenizer = load_tokenizer(chat_folder(family))
    end = tokenizer.tokenizer.token_to_id(ENDS[family])
    evil = {"title": f"x{ENDS[family]}y"}
    prompt = fit_prompt(chat, tokenizer, [evil, evil], 400)
    plain = fit_prompt(chat, tokenizer, [{"title": "xy"}] * 2, 400)
    assert prompt.specials == 2
    assert prompt.token_ids.count(end) == plain.token_ids.count(end)
    answer = completion_ids(chat, tokenizer, evil)
    assert answer.count(end) == 1
    assert tokenizer.decode(answer) == f"x{ENDS[family]}y{ENDS[family]}"


def test_history_is_dropped_inside_the_frame(
    chat: Template, chat_folder: Callable[[str], Path], family: str
) -> None:
    tokenizer = load_tokenizer(chat_folder(family))
    history = [{"title": f"Heat {number}"} for number in range(200)]
    prompt = fit_prompt(chat, tokenizer, history, 150)
    assert 0 < prompt.dropped < 200
    assert len(prompt.token_ids) <= 150 < prompt.whole
    assert prompt.text.startswith(fit_prompt(chat, tokenizer, HISTORY, 400).text.partition("Seen")[0])


def test_a_catalogue_of_chat_answers(chat: Template, chat_folder: Callable[[str], Path], family: str) -> None:
    tokenizer = load_tokenizer(chat_folder(family))
    task = next_item(chat, tokenizer, HISTORY, tokenizer.context)
    end = tokenizer.tokenizer.token_to_id(ENDS[family])
    assert [ids[-1] for ids in task.catalogue] == [end, end]
    assert [tokenizer.decode(ids[:-1]) for ids in task.catalogue] == ["Heat", "英雄"]


def test_when_a_template_is_a_chat(
    template: Template, chat_folder: Callable[[str], Path], tokenizer_of: Callable[[str], TextTokenizer]
) -> None:
    model, plain = load_tokenizer(chat_folder("qwen3")), tokenizer_of("lines")
    assert frame_of(template, model) is not None
    assert frame_of(template, plain) is None
    assert frame_of(replace(template, wrap="plain"), model) is None
    assert frame_of(replace(template, end_token="\n"), model) is None
    with pytest.raises(UserError, match="'mine' is a chat, and the model has no chat template"):
        frame_of(replace(template, wrap="chat"), plain)
    with pytest.raises(UserError, match="whose turns end by themselves"):
        check_template(replace(template, wrap="chat", end_token="\n"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}",
            "begin",
        ),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "no special token"),
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}<|im_end|>", "begin"),
        ("{{ raise_exception('not today') }}", "chat template fails: not today"),
        ("{% for m in messages %}", "chat template fails"),
        ("{% for a in 'x' * 999999 %}{% endfor %}", "chat template fails"),
        (
            "{% for m in messages %}{{ m.content | replace('Heat', 'Cold') }}<|im_end|>{% endfor %}",
            "changes the text",
        ),
    ],
)
def test_a_chat_template_that_does_not_fit_is_refused(
    chat: Template, chat_folder: Callable[[str], Path], source: str, message: str
) -> None:
    folder = chat_folder("qwen3")
    (folder / "chat_template.jinja").write_text(source)
    with pytest.raises(UserError, match=message):
        fit_prompt(chat, load_tokenizer(folder), HISTORY, 400)


def test_an_answer_that_the_template_takes_apart_is_refused(
    chat: Template, chat_folder: Callable[[str], Path]
) -> None:
    with pytest.raises(UserError, match="changes the text 'a</think>b'"):
        completion_ids(chat, load_tokenizer(chat_folder("qwen3")), {"title": "a</think>b"})


def framed(source: str, system: str) -> ChatFrame:
    return chat_frame(ChatTemplate(source, ()), system, frozenset({"<|im_end|>"}))


TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
TURNS += "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


def test_a_template_that_needs_a_system_turn_is_asked_with_one() -> None:
    source = "{% if messages[0].role != 'system' %}{{ raise_exception('system first') }}{% endif %}" + TURNS
    frame = framed(source, "Say a film.")
    assert (frame.system, frame.end, frame.trims) == ("Say a film.", "<|im_end|>", (False, False))
    with pytest.raises(UserError, match=r"fails: system first\. Give the template a system text, or set its"):
        framed(source, "")


def test_the_advice_fits_what_the_template_refuses() -> None:
    with pytest.raises(UserError, match=r"fails: never\. Set the template's wrap to plain\.$"):
        framed("{{ raise_exception('never') }}", "Say a film.")
    moved = (FAMILIES / "published" / "axolotl-mistral_v2v3.jinja").read_text()
    with pytest.raises(UserError, match="leave the template's system text out, or set the template's wrap"):
        chat_frame(ChatTemplate(moved, (("eos_token", "</s>"),)), "Say a film.", frozenset({"</s>"}))
