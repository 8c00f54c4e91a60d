"""Chat models: the frame that a model's own chat template puts around a prompt and its answer.

The template is a program from a model folder, so it runs in the sandbox. What it writes around the texts is
the frame; special tokens in it are tokens, and the same characters in the texts stay text.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.utils import Namespace

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.bounds import Bounded, bounded
from promptrec_tui.prompts.sandbox import Sandbox
from promptrec_tui.text import clean

SYSTEM, PROMPT, ANSWER = "\ue000system\ue001", "\ue000prompt\ue001", "\ue000answer\ue001"
"""Stand for the texts while the frame is made; no tokenizer's template writes private-use characters."""

TODAY = "2026-01-01"
"""What templates are told of the date: a prompt that changed from day to day could not be trained again."""


class Generation(Extension):
    """`{% generation %}…{% endgeneration %}`: marks the answer, and writes what is within."""

    tags = {"generation"}  # noqa: RUF012 (Jinja2 reads it so)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatSandbox(Sandbox):
    """The sandbox with what transformers offers to chat templates."""

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
        self.filters |= {name: FILTERS[name] for name in ("dictsort", "items", "safe")}
        self.filters |= {"tojson": _tojson}
        self.globals |= {
            "namespace": Namespace,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_now,
        }


@dataclass(frozen=True)
class ChatTemplate:
    """A model's chat template, and the texts of its named special tokens (`bos_token`…)."""

    source: str
    tokens: tuple[tuple[str, str], ...]

    def render(self, turns: Sequence[tuple[str, str]], ask: bool) -> str:
        """The conversation of (role, text) turns; `ask` opens the next answer. Thinking is off.

        Raises UserError when the template is wrong or refuses the conversation.
        """
        messages = [{"role": role, "content": text} for role, text in turns]
        options = {"messages": messages, "add_generation_prompt": ask, "enable_thinking": False}
        try:
            return bounded(_program(self.source).generate({**dict(self.tokens), **options}))
        except Exception as error:  # a program of somebody else: anything can go wrong in it
            raise UserError(
                f"The model's chat template fails: {clean(str(error)).rstrip('.')}. "
                "Leave the template's system text out, or set its wrap to plain."
            ) from error


@dataclass(frozen=True, eq=False)
class ChatFrame:
    """What stands around the texts: `opening` system `between` prompt `behind`, and `lead` answer `end`.

    `trims`: the chat template takes outer white space off the prompt, and off the answer.
    """

    template: ChatTemplate
    system: str
    opening: str
    between: str
    behind: str
    lead: str
    end: str
    trims: tuple[bool, bool]

    def prompt(self, text: str) -> str:
        """The text as it stands in the user's turn."""
        return text.strip() if self.trims[0] else text

    def answer(self, text: str) -> str:
        """The text as it stands in the assistant's turn."""
        return text.strip() if self.trims[1] else text

    def around(self, prompt: str) -> list[tuple[str, bool]]:
        """The conversation that asks, as (text, is it frame?) pieces."""
        return [
            (self.opening, True),
            (self.system, False),
            (self.between, True),
            (prompt, False),
            (self.behind, True),
        ]

    def check(self, prompt: str, answer: str) -> None:
        """Raise UserError unless the chat template writes just this frame around these two texts too."""
        turns = _turns(self.system, prompt)
        asked = self.template.render(turns, True)
        answered = self.template.render([*turns, ("assistant", answer)], False)
        begun = "".join(piece for piece, _ in self.around(self.prompt(prompt)))
        if asked != begun or not answered.startswith(begun + self.lead + self.answer(answer) + self.end):
            short = clean(answer if asked == begun else prompt)[:60]
            raise UserError(
                f"The model's chat template changes the text {short!r}, so that its answer would not follow "
                "the prompt: mend the text, or set the template's wrap to plain."
            )


@lru_cache(maxsize=16)
def chat_frame(template: ChatTemplate, system: str, specials: frozenset[str]) -> ChatFrame:
    """The frame that a chat template makes; `specials` are the texts of the tokenizer's special tokens.

    Raises UserError when the answered conversation does not begin like the asked one, or when an answer ends
    with no special token.
    """
    system = system.strip()
    turns = _turns(SYSTEM if system else "", PROMPT)
    asked = template.render(turns, True)
    answered = template.render([*turns, ("assistant", ANSWER)], False)
    before, found, behind = asked.partition(PROMPT)
    opening, _, between = before.partition(SYSTEM)
    lead, answer, rest = answered.removeprefix(asked).partition(ANSWER)
    if not (found and answer and answered.startswith(asked)):
        raise UserError(
            "The model's chat template does not begin an answered conversation like the one that asks: "
            "set the template's wrap to plain."
        )
    ends = sorted((rest.index(token), -len(token)) for token in specials if token in rest)
    if not ends:
        raise UserError(
            "The model's chat template ends an answer with no special token: set the wrap to plain."
        )
    start, length = ends[0]
    trims = (
        f" {PROMPT} " not in template.render(_turns("", f" {PROMPT} "), True),
        f" {ANSWER} " not in template.render([*turns, ("assistant", f" {ANSWER} ")], False),
    )
    return ChatFrame(template, system, opening, between, behind, lead, rest[: start - length], trims)


def read_chat_template(
    settings: Mapping[str, Any], file: str | None, text_of: Callable[[Any], str | None]
) -> ChatTemplate | None:
    """The chat template of tokenizer_config.json or of the file beside it, which comes first; None without.

    `text_of` gives the text of a token as tokenizer_config.json writes it.
    """
    source = file if file is not None else settings.get("chat_template")
    if isinstance(source, list):
        named = {str(part.get("name")): part.get("template") for part in source if isinstance(part, dict)}
        source = named.get("default", next(iter(named.values()), None))
    if not isinstance(source, str) or not source.strip():
        return None
    tokens = {name: text_of(value) for name, value in settings.items() if name.endswith("_token")}
    return ChatTemplate(source, tuple((name, text) for name, text in tokens.items() if text is not None))


@lru_cache(maxsize=8)
def _program(source: str) -> jinja2.Template:
    sandbox = ChatSandbox()
    tree = Bounded().visit(sandbox.parse(source))
    tree.set_environment(sandbox)
    return sandbox.from_string(tree)


def _turns(system: str, prompt: str) -> list[tuple[str, str]]:
    return [*([("system", system)] if system else []), ("user", prompt)]


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _strftime_now(format: str) -> str:
    from datetime import date

    return date.fromisoformat(TODAY).strftime(format)
