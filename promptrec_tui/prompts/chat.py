"""Chat models: the frame that a model's own chat template puts around a prompt and its answer.

The template is a program from a model folder, so it runs in the sandbox. What it writes around the texts is
the frame; special tokens in it are tokens, and the same characters in the texts stay text.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.sandbox import safe_range
from jinja2.utils import Cycler, Joiner, Namespace

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.bounds import Bounded, bounded
from promptrec_tui.prompts.sandbox import MeteredSandbox
from promptrec_tui.text import clean

SYSTEM, PROMPT, ANSWER = "\ue000system\ue001", "\ue000prompt\ue001", "\ue000answer\ue001"
"""Stand for the texts while the frame is made; no tokenizer's template writes private-use characters."""

TODAY = "2026-01-01"
"""The date that templates get: a prompt that changed from day to day could not be reproduced."""


class Generation(Extension):
    """`{% generation %}…{% endgeneration %}`: marks the answer and writes its body."""

    tags = {"generation"}  # noqa: RUF012 (Jinja2 reads it so)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        # A call block, as in transformers: variables set in it are not visible after it.
        return nodes.CallBlock(self.call_method("_within"), [], [], body).set_lineno(line)

    def _within(self, caller: Callable[[], str]) -> str:
        return caller()


class Dict:
    """`dict(…)` and `dict.fromkeys(…)`, and nothing else of the class."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """A dict with these keys and one value."""
        return dict.fromkeys(*args)


class ChatSandbox(MeteredSandbox):
    """The sandbox with all that transformers offers to chat templates, except `random` and `lipsum`."""

    def __init__(self) -> None:
        filters = {**FILTERS, "tojson": _tojson}
        del filters["random"]
        super().__init__(
            lambda value: value,
            filters.items(),
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[Generation, loopcontrols],
        )
        self.globals |= {
            "cycler": Cycler,
            "dict": Dict(),
            "joiner": Joiner,
            "namespace": Namespace,
            "raise_exception": _raise_exception,
            "range": safe_range,
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
        try:
            return self._render(turns, ask)
        except Exception as error:  # a program of somebody else: anything can go wrong in it
            reason = clean(str(error)).rstrip(".")
            raise UserError(
                f"The model's chat template fails: {reason}. {self._way_out(turns, ask)}"
            ) from error

    def _render(self, turns: Sequence[tuple[str, str]], ask: bool) -> str:
        values = {
            "messages": [{"role": role, "content": text} for role, text in turns],
            "tools": None,
            "documents": None,
            "add_generation_prompt": ask,
            "enable_thinking": False,
        }
        return bounded(_program(self.source).generate({**dict(self.tokens), **values}))

    def _way_out(self, turns: Sequence[tuple[str, str]], ask: bool) -> str:
        """What helps when the template refuses `turns`: some need a system turn, some know none."""
        without = [turn for turn in turns if turn[0] != "system"]
        had = len(without) < len(turns)
        try:
            self._render(without if had else [("system", SYSTEM), *turns], ask)
        except Exception:
            return "Set the template's wrap to plain."
        advice = "Leave the template's system text out" if had else "Give the template a system text"
        return f"{advice}, or set its wrap to plain."


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
        asked = _asked(self.template, self.system, prompt)
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
    before, marker, behind = asked.partition(PROMPT)
    opening, _, between = before.partition(SYSTEM)
    lead, answer, rest = answered.removeprefix(asked).partition(ANSWER)
    if not (marker and answer and answered.startswith(asked)):
        advice = "set the template's wrap to plain."
        if system:
            with suppress(UserError):
                # Some put the system text into the newest question only.
                chat_frame(template, "", specials)
                advice = f"leave the template's system text out, or {advice}"
        raise UserError(
            "The model's chat template does not begin an answered conversation like the one that asks: "
            + advice
        )
    ends = sorted((rest.index(token), -len(token)) for token in specials if token in rest)
    if not ends:
        raise UserError(
            "The model's chat template ends an answer with no special token: set the wrap to plain."
        )
    start, length = ends[0]
    trims = (
        f" {PROMPT} " not in template.render([*turns[:-1], ("user", f" {PROMPT} ")], True),
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
        parts = {str(part.get("name")): part.get("template") for part in source if isinstance(part, dict)}
        source = parts.get("default", next(iter(parts.values()), None))
    if not isinstance(source, str) or not source.strip():
        return None
    extra = settings.get("extra_special_tokens")
    named = {name: value for name, value in settings.items() if name.endswith("_token")}
    named |= extra if isinstance(extra, dict) else {}
    tokens = {name: text_of(value) for name, value in named.items()}
    return ChatTemplate(source, tuple((name, text) for name, text in tokens.items() if text is not None))


@lru_cache(maxsize=8)
def _program(source: str) -> jinja2.Template:
    sandbox = ChatSandbox()
    tree = Bounded().visit(sandbox.parse(source))
    tree.set_environment(sandbox)
    return sandbox.from_string(tree)


@lru_cache(maxsize=16)
def _asked(template: ChatTemplate, system: str, prompt: str) -> str:
    """The conversation that asks; all answers of a catalogue are checked behind one prompt."""
    return template.render(_turns(system, prompt), True)


def _turns(system: str, prompt: str) -> list[tuple[str, str]]:
    return [*([("system", system)] if system else []), ("user", prompt)]


def _tojson(
    x: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _strftime_now(format: str) -> str:
    from datetime import date

    return date.fromisoformat(TODAY).strftime(format)
