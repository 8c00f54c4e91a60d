"""Prompts cut to the room there is, by whole items; completions that end in one end token."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.rendering import render_completion, render_prompt
from promptrec_tui.prompts.template import Template, place
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.text import clean


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt: its token ids (BOS first where the model wants one) and how many items it lacks."""

    text: str
    token_ids: tuple[int, ...]
    dropped: int


def fit_prompt(
    template: Template, tokenizer: TextTokenizer, history: Sequence[Mapping[str, str]], room: int
) -> Prompt:
    """The prompt of at most `room` tokens (BOS included) that has dropped the fewest of the oldest items.

    Tokens are never cut. Fewest, as long as more items make a longer prompt: the number is searched for by
    interpolation, about four renderings where dropping one by one would take dozens.
    Raises UserError when even the newest item alone does not fit, or nothing is rendered at all.
    """
    start = () if tokenizer.bos_id is None else (tokenizer.bos_id,)

    def dropping(count: int) -> Prompt:
        text = render_prompt(template, history[count:])
        return Prompt(text, (*start, *tokenizer.encode(text)), count)

    few = dropping(0)
    if not few.token_ids:
        raise UserError(f"{place(template, 'prompt')}, is empty: give at least one title.")
    if len(few.token_ids) <= room:
        return few
    enough = dropping(max(0, len(history) - 1))
    if len(enough.token_ids) > room:
        raise UserError(
            f"{place(template, 'prompt')}, takes {len(enough.token_ids)} tokens with the newest item alone, "
            f"and there is room for {room}: shorten the template, or choose a model with a longer context."
        )
    while enough.dropped - few.dropped > 1:
        over, under = len(few.token_ids) - room, room - len(enough.token_ids)
        guess = few.dropped + math.ceil((enough.dropped - few.dropped) * over / (over + under))
        trial = dropping(min(max(guess, few.dropped + 1), enough.dropped - 1))
        if len(trial.token_ids) <= room:
            enough = trial
        else:
            few = trial
    return enough


def completion_ids(template: Template, tokenizer: TextTokenizer, item: Mapping[str, str]) -> tuple[int, ...]:
    """Token ids of the answer `item`, its one end token last.

    Raises UserError when the answer has no token of its own, or the end token within.
    """
    (end,) = tokenizer.end_ids(template.end_token)
    ids = tokenizer.encode(render_completion(template, item))
    while ids and ids[-1] == end:
        ids.pop()
    if not ids or end in ids:
        wrong = "has its end token in the middle" if ids else "is empty"
        raise UserError(
            f"{place(template, 'completion')}, {wrong} for the item {clean(item.get('title', ''))[:60]!r}: "
            "mend the title, or the template."
        )
    return (*ids, end)
