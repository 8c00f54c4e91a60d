from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.tasks.next_item import NextItem, next_item, targets, training_examples, window_start

Items = list[dict[str, str]]
SEQUENCE = [0, 3, 1, 2, 7, 4, 4, 6, 5]


@given(st.integers(1, 300), st.integers(1, 60))
def test_windows_hold_at_most_the_history_asked_for(position: int, max_history: int) -> None:
    assert window_start(position, max_history, "sliding") == max(0, position - max_history)
    start, step = window_start(position, max_history, "anchored"), max(1, max_history // 2)
    assert start % step == 0
    assert min(position, max_history - step + 1) <= position - start <= max_history


def test_anchored_windows_move_in_steps() -> None:
    assert [window_start(position, 4, "anchored") for position in range(1, 10)] == [0, 0, 0, 0, 2, 2, 4, 4, 6]
    with pytest.raises(ValueError, match="'hopping'"):
        window_start(1, 4, "hopping")


def test_targets_keep_user_and_position() -> None:
    rows = [
        (target.user_id, target.position, target.start) for target in targets(5, range(2, 6), 3, "sliding")
    ]
    assert rows == [(5, 2, 0), (5, 3, 0), (5, 4, 1), (5, 5, 2)]


def test_the_catalogue_is_every_completion(listing: Template, apart: TextTokenizer, items: Items) -> None:
    task = next_item(listing, apart, items, apart.context)
    assert [apart.decode(ids) for ids in task.catalogue] == [f"{item['title']}\n" for item in items]
    assert task.completion(3) == task.catalogue[3]


def test_the_longest_completion_always_fits_behind_a_prompt(
    listing: Template, with_bos: TextTokenizer, items: Items
) -> None:
    longest = max(len(ids) for ids in next_item(listing, with_bos, items, 1024).catalogue)
    for context in range(longest + 10, longest + 30):
        task = next_item(listing, with_bos, items, context)
        prompt = task.prompt(SEQUENCE)
        assert prompt.dropped > 0
        assert prompt.token_ids[0] == with_bos.bos_id
        assert len(prompt.token_ids) + longest <= context


def test_a_catalogue_that_cannot_be_asked_for(listing: Template, apart: TextTokenizer, items: Items) -> None:
    with pytest.raises(UserError, match="no items"):
        next_item(listing, apart, [], 1024)
    with pytest.raises(UserError, match=r"takes \d+ tokens for the item 'x+', and the model reads 50"):
        next_item(listing, apart, [*items, {"title": "x" * 90}], 50)


def check(task: NextItem, sequence: list[int], max_history: int, window: str) -> None:
    """Compare every example with prompt and completion made alone."""
    asked = targets(0, range(2, len(sequence)), max_history, window)
    examples = training_examples(task, sequence, asked)
    assert len(examples) == len(asked)
    for target, example in zip(asked, examples, strict=True):
        prompt = task.prompt(sequence[target.start : target.position])
        assert example.token_ids[: example.start] == prompt.token_ids
        assert example.token_ids[example.start :] == task.completion(sequence[target.position])
        assert 0 < example.start < len(example.token_ids)


def test_the_prompts_of_the_list_template_continue_each_other(
    listing: Template, apart: TextTokenizer, with_bos: TextTokenizer, items: Items
) -> None:
    for tokenizer in (apart, with_bos):
        task = next_item(listing, tokenizer, items, 1024)
        examples = training_examples(task, SEQUENCE, targets(0, range(2, 9), 50, "anchored"))
        for earlier, later in pairwise(examples):
            assert later.token_ids[: later.start] == earlier.token_ids
    assert training_examples(task, SEQUENCE, []) == []


@given(
    sequence=st.lists(st.integers(0, 7), min_size=3, max_size=14),
    max_history=st.integers(1, 9),
    window=st.sampled_from(["sliding", "anchored"]),
    context=st.sampled_from([25, 40, 1024]),
    attributes=st.booleans(),
)
def test_examples_are_prompt_and_completion(
    sequence: list[int],
    max_history: int,
    window: str,
    context: int,
    attributes: bool,
    apart: TextTokenizer,
    request: pytest.FixtureRequest,
) -> None:
    template = request.getfixturevalue("listing")
    if attributes:
        template = replace(template, prompt="{% for x in history %}{{ x.title }}, {{ x.year }}\n{% endfor %}")
    check(
        next_item(template, apart, request.getfixturevalue("items"), context), sequence, max_history, window
    )


def test_solved_examples_stand_before_every_history_and_are_never_dropped(
    listing: Template, apart: TextTokenizer, items: Items
) -> None:
    template = replace(
        listing,
        prompt="{% for shot in shots %}{{ shot.history | map(attribute='title') | join('+') }}="
        "{{ shot.item.title }};{% endfor %}{% for item in history %}{{ item.title }},{% endfor %}",
    )
    shots = [(7, (0, 2), 1), (9, (4,), 3)]
    titles = [item["title"] for item in items]
    shown = f"{titles[0]}+{titles[2]}={titles[1]};{titles[4]}={titles[3]};"
    task = next_item(template, apart, items, apart.context, shots)
    assert task.shown == {7, 9}
    assert task.prompt([5]).text == f"{shown}{items[5]['title']},"
    narrow = replace(task, room=len(task.prompt(SEQUENCE).token_ids) - 1).prompt(SEQUENCE)
    assert narrow.dropped
    assert narrow.text.startswith(shown)
    plain = next_item(listing, apart, items, apart.context, shots)
    assert not plain.shown
    assert plain.prompt([5]).text == next_item(listing, apart, items, apart.context).prompt([5]).text
