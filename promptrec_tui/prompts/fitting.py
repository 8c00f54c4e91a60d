"""Prompts that fit the context, by dropping whole items; completions that end in one end token."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.chat import ChatFrame, chat_frame
from promptrec_tui.prompts.rendering import render_completion, render_prompt
from promptrec_tui.prompts.template import Template, place
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.text import clean

T = TypeVar("T")

ANY = "x"
"""Stands for a prompt or an answer while the other one is checked."""


@dataclass(frozen=True)
class Prompt:
    """A prompt as the model reads it: its token ids (BOS first where the model wants one), how many items it
    lacks, how often its data spell a special token (`specials`), which stays text, and how many tokens it
    would take with every item (`whole`)."""

    text: str
    token_ids: tuple[int, ...]
    dropped: int
    specials: int = 0
    whole: int = 0


def frame_of(template: Template, tokenizer: TextTokenizer) -> ChatFrame | None:
    """The chat frame that a template has with a model; None where prompt and completion are plain text.

    Raises UserError when the template must be a chat and cannot.
    """
    if template.wrap == "plain" or (template.wrap == "auto" and template.end_token is not None):
        return None
    if tokenizer.chat is None:
        if template.wrap == "chat":
            raise UserError(
                f"{place(template)} is a chat, and the model has no chat template: choose a chat model, "
                "or set the template's wrap to auto."
            )
        return None
    return chat_frame(tokenizer.chat, template.system, tokenizer.specials)


def fit_prompt(
    template: Template,
    tokenizer: TextTokenizer,
    history: Sequence[Mapping[str, str]],
    room: int,
    shots: Sequence[Mapping[str, Any]] = (),
) -> Prompt:
    """The prompt of at most `room` tokens (BOS included) that has dropped the fewest of the oldest items.

    The solved examples `shots` are never dropped: prompts of one task begin alike.
    Raises UserError when even the newest item alone does not fit, or nothing is rendered at all.
    """
    return fit(template, tokenizer, lambda items: render_prompt(template, items, shots), history, room)


def fit(
    template: Template,
    tokenizer: TextTokenizer,
    render: Callable[[Sequence[T]], str],
    items: Sequence[T],
    room: int,
    least: str = "the newest item alone",
    shorten: str = "the template",
) -> Prompt:
    """`render` of as many of the items, from the end, as `room` tokens hold.

    `least`, `shorten`: what the smallest prompt holds, and what can be shortened, for the error message.

    Tokens are never cut. Fewest dropped, as long as more items make a longer prompt: the number is searched
    for by interpolation, about four renderings where dropping one by one would take dozens.
    Raises UserError when even the last item alone does not fit, or nothing is rendered at all.
    """
    frame = frame_of(template, tokenizer)

    def dropping(count: int) -> Prompt:
        text = render(items[count:])
        return encoded_prompt(tokenizer, frame, text, count)

    whole = few = dropping(0)
    if not few.token_ids:
        raise UserError(f"{place(template, 'prompt')}, is empty: give at least one title.")
    enough = few
    if len(few.token_ids) > room:
        enough = dropping(max(0, len(items) - 1))
        if len(enough.token_ids) > room:
            raise UserError(
                f"{place(template, 'prompt')}, takes {len(enough.token_ids)} tokens with {least}, "
                f"and there is room for {room}: shorten {shorten}, or choose a model with a longer context."
            )
    while enough.dropped - few.dropped > 1:
        over, under = len(few.token_ids) - room, room - len(enough.token_ids)
        guess = few.dropped + math.ceil((enough.dropped - few.dropped) * over / (over + under))
        trial = dropping(min(max(guess, few.dropped + 1), enough.dropped - 1))
        if len(trial.token_ids) <= room:
            enough = trial
        else:
            few = trial
    if frame:
        frame.check(render(items[enough.dropped :]), ANY)
    return replace(enough, whole=len(whole.token_ids))


def encoded_prompt(tokenizer: TextTokenizer, frame: ChatFrame | None, text: str, dropped: int = 0) -> Prompt:
    """A rendered prompt, in its frame, as token ids."""
    specials = tokenizer.count_specials(text)
    if frame is None:
        start = () if tokenizer.bos_id is None else (tokenizer.bos_id,)
        return Prompt(text, (*start, *tokenizer.encode(text)), dropped, specials)
    pieces = frame.around(frame.prompt(text))
    ids = tokenizer.encode_framed(pieces) if text.strip() else []
    return Prompt("".join(piece for piece, _ in pieces), tuple(ids), dropped, specials)


def completion_ids(template: Template, tokenizer: TextTokenizer, item: Mapping[str, str]) -> tuple[int, ...]:
    """Token ids of the answer `item`, its one end token last.

    Raises UserError when the answer has no token of its own, or the end token within.
    """
    name = f"the item {clean(item.get('title', ''))[:60]!r}"
    return answer_ids(template, tokenizer, render_completion(template, item), name)


def answer_ids(template: Template, tokenizer: TextTokenizer, text: str, name: str) -> tuple[int, ...]:
    """Token ids of an answer, its one end token last; in a chat that is the end of the assistant's turn.

    Raises UserError, which says that it is about `name`, when the answer has no token of its own, or the end
    token within.
    """
    if frame := frame_of(template, tokenizer):
        frame.check(ANY, text)
        text = frame.answer(text)
        *ids, end = tokenizer.encode_framed([(frame.lead, True), (text, False), (frame.end, True)])
        ids = ids if text else []
    else:
        (end,) = tokenizer.end_ids(template.end_token)
        ids = tokenizer.encode(text)
        while ids and ids[-1] == end:
            ids.pop()
    if not ids or end in ids:
        wrong = "has its end token in the middle" if ids else "is empty"
        raise UserError(
            f"{place(template, 'completion')}, {wrong} for {name}: mend the title, or the template."
        )
    return (*ids, end)
