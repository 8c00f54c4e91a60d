"""Chat templates as hubs ship them: what transformers renders, the sandbox renders to the same text."""

import json
import shutil
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from transformers.utils import chat_template_utils as peer

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.chat import TODAY, ChatTemplate
from promptrec_tui.prompts.tokens import load_tokenizer

HERE = Path(__file__).parent
PUBLISHED = HERE / "chat_templates" / "published"
CONFIGS: dict[str, dict[str, Any]] = json.loads((PUBLISHED / "tokenizer_configs.json").read_text())
FEATURES: dict[str, str] = tomllib.loads((HERE / "features.toml").read_text())["templates"]
SOURCES = {
    **{path.stem: path.read_text() for path in sorted((HERE / "chat_templates").rglob("*.jinja"))},
    **{f"npm-{name}": config["chat_template"] for name, config in CONFIGS.items()},
    **{f"feature-{name}": source for name, source in FEATURES.items()},
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}

SYSTEM, ASK, ANSWER = ("system", "Say a film."), ("user", "Seen: Heat, Alien.\nNext?"), ("assistant", "Up")
CONVERSATIONS = [
    [ASK],
    [SYSTEM, ASK],
    [ASK, ANSWER],
    [SYSTEM, ASK, ANSWER],
    [ASK, ANSWER, ("user", "  And then?\n"), ("assistant", " 英雄 & <b> </think> x")],
    [SYSTEM, ("user", ""), ("assistant", "")],
]


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    class Day(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Day":
            return cls.fromisoformat(TODAY)

    monkeypatch.setattr(peer, "datetime", Day)


def expected(source: str, turns: list[tuple[str, str]], ask: bool) -> str | None:
    """What transformers renders; None when it fails."""
    messages = [{"role": role, "content": text} for role, text in turns]
    try:
        texts, _ = peer.render_jinja_template(
            [messages],
            chat_template=source,
            add_generation_prompt=ask,
            enable_thinking=False,
            **TOKENS,
        )
    except Exception:  # a program of somebody else
        return None
    return str(texts[0])


def test_the_corpus_is_large() -> None:
    assert len([name for name in SOURCES if not name.startswith("feature-")]) >= 50
    assert all(expected(source, CONVERSATIONS[0], True) for name, source in SOURCES.items() if "npm" in name)


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_messages_give_the_same_text(name: str) -> None:
    template = ChatTemplate(SOURCES[name], tuple(TOKENS.items()))
    rendered = 0
    for turns in CONVERSATIONS:
        for ask in (True, False):
            wanted = expected(SOURCES[name], turns, ask)
            if wanted is None:
                with pytest.raises(UserError, match="chat template"):
                    template.render(turns, ask)
            else:
                rendered += 1
                assert template.render(turns, ask) == wanted
    assert rendered or name in ("feature-refuses",)


@pytest.fixture(params=["string", "file", "named", "directory", "map"])
def shipped(request: pytest.FixtureRequest, model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A model folder with its chat template and special tokens in one of the forms of the hubs."""
    source = SOURCES["trl-qwen2_5"] + "{{ image_token }}{{ bos_token }}{{ pad_token }}"
    shutil.copytree(model_folder("lines"), tmp_path / "model")
    folder = tmp_path / "model"
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "bos_token": {"__type": "AddedToken", "content": "<s>", "special": True},
        "image_token": "<image>",
        "pad_token": None,
        "add_bos_token": False,
    }
    if request.param == "string":
        settings["chat_template"] = source
    if request.param in ("file", "directory"):
        (folder / "chat_template.jinja").write_text(source + "\n")
        settings["chat_template"] = "not this one"
    if request.param == "directory":
        (folder / "additional_chat_templates").mkdir()
        (folder / "additional_chat_templates" / "tool_use.jinja").write_text("not this one")
    if request.param == "named":
        settings["chat_template"] = [
            {"name": "tool_use", "template": "not this one"},
            {"name": "default", "template": source},
        ]
    if request.param == "map":
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "chat_template": source,
            "extra_special_tokens": {"image_token": "<img>"},
        }
        (folder / "special_tokens_map.json").write_text(
            json.dumps({"eos_token": "<|endoftext|>", "bos_token": {"content": "<b>"}})
        )
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_each_form_of_the_hubs_is_read_alike(shipped: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    chat = load_tokenizer(shipped).chat
    assert chat is not None
    wanted = PreTrainedTokenizerFast.from_pretrained(shipped).apply_chat_template(
        [{"role": "user", "content": "Next?"}], tokenize=False, add_generation_prompt=True
    )
    assert chat.render([("user", "Next?")], True) == wanted
