from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.prompts import fitting
from promptrec_tui.prompts.fitting import completion_ids, fit_prompt
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.rendering import render_prompt
from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import TextTokenizer

Tokenizers = Callable[[str], TextTokenizer]
TITLES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab ()\n英雄<|>"), min_size=1)
BUILTIN = [
    template for template in builtin_templates() if template.task == "next_item" and template.wrap != "chat"
]


def items(titles: list[str]) -> list[dict[str, str]]:
    return [{"title": title} for title in titles]


@settings(deadline=None)
@given(
    titles=st.lists(TITLES, min_size=1, max_size=12),
    room=st.integers(20, 200),
    family=st.sampled_from(["gpt2", "lines", "llama"]),
    template=st.sampled_from(BUILTIN),
)
def test_only_the_oldest_items_are_dropped_and_no_more_than_needed(
    tokenizer_of: Tokenizers, titles: list[str], room: int, family: str, template: Template
) -> None:
    tokenizer, history = tokenizer_of(family), items(titles)
    start = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
    plain = [
        (*start, *tokenizer.encode(render_prompt(template, history[dropped:])))
        for dropped in range(len(history))
    ]
    fitting_ones = [dropped for dropped, ids in enumerate(plain) if len(ids) <= room]
    if not fitting_ones:
        with pytest.raises(UserError, match="newest item alone"):
            fit_prompt(template, tokenizer, history, room)
        return
    prompt = fit_prompt(template, tokenizer, history, room)
    assert prompt.dropped == fitting_ones[0]
    assert prompt.token_ids == plain[prompt.dropped]
    assert prompt.text == render_prompt(template, history[prompt.dropped :])


def test_few_renderings_find_the_number(tokenizer_of: Tokenizers, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[int] = []

    def counted(template: Template, history: list[dict[str, str]], shots: Sequence[Any]) -> str:
        rendered.append(len(history))
        return render_prompt(template, history, shots)

    monkeypatch.setattr(fitting, "render_prompt", counted)
    history = items([f"Film {number} ({1900 + number})" for number in range(100)])
    for room in (30, 100, 300, 500):
        rendered.clear()
        assert fit_prompt(BUILTIN[0], tokenizer_of("lines"), history, room).dropped > 0
        assert len(rendered) <= 6


def test_bos_is_first_and_counted(template: Template, tokenizer_of: Tokenizers) -> None:
    llama, history = tokenizer_of("llama"), items(["Heat", "Alien"])
    whole = fit_prompt(template, llama, history, 256)
    assert whole.token_ids == (1, *llama.encode("Seen: Heat; Alien; next:"))
    assert fit_prompt(template, llama, history, len(whole.token_ids)) == whole
    assert fit_prompt(template, llama, history, len(whole.token_ids) - 1).dropped == 1


def test_an_empty_history(tokenizer_of: Tokenizers, template: Template) -> None:
    assert fit_prompt(template, tokenizer_of("lines"), [], 50).text == "Seen: next:"
    with pytest.raises(UserError, match="give at least one title"):
        fit_prompt(BUILTIN[0], tokenizer_of("lines"), [], 50)
    assert fit_prompt(BUILTIN[0], tokenizer_of("llama"), [], 50).token_ids == (1,)


@settings(deadline=None)
@given(titles=st.lists(TITLES.filter(lambda title: title.strip("\n ") != ""), min_size=2, max_size=8))
def test_in_the_list_templates_each_prompt_begins_with_the_last_one_and_its_completion(
    tokenizer_of: Tokenizers, titles: list[str]
) -> None:
    tokenizer, history = tokenizer_of("lines"), items(titles)
    for template in (one for one in BUILTIN if one.name.startswith("list")):
        for position in range(1, len(history)):
            before = fit_prompt(template, tokenizer, history[:position], 10**6).token_ids
            answer = completion_ids(template, tokenizer, history[position])
            after = fit_prompt(template, tokenizer, history[: position + 1], 10**6).token_ids
            assert after == before + answer


@settings(deadline=None)
@given(title=TITLES)
def test_a_completion_has_one_end_token_and_it_is_last(tokenizer_of: Tokenizers, title: str) -> None:
    for family in ("gpt2", "lines", "llama"):
        tokenizer = tokenizer_of(family)
        for template in BUILTIN:
            ids = completion_ids(template, tokenizer, {"title": title})
            (end,) = tokenizer.end_ids(template.end_token)
            assert ids.index(end) == len(ids) - 1 > 0


def test_end_tokens_that_a_template_writes_itself_count_once(
    tokenizer_of: Tokenizers, template: Template
) -> None:
    lines = tokenizer_of("lines")
    twice = replace(template, completion="{{ item.title }}\n\n", end_token="\n")
    assert completion_ids(twice, lines, {"title": "Heat"}) == tuple(lines.encode("Heat\n"))


@pytest.mark.parametrize(
    ("title", "message"), [("", "is empty"), ("\n", "is empty"), ("a\nb", "in the middle")]
)
def test_an_answer_without_a_trained_token_of_its_own_is_refused(
    tokenizer_of: Tokenizers, template: Template, title: str, message: str
) -> None:
    with pytest.raises(UserError, match=f"Template 'mine', completion, .*{message}"):
        completion_ids(replace(template, end_token="\n"), tokenizer_of("lines"), {"title": title})
