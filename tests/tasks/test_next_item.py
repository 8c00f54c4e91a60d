from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.tasks.next_item import NextItem, Span, next_item, targets, training_sequences, window_start

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
    found = [
        (target.user_id, target.position, target.start) for target in targets(5, range(2, 6), 3, "sliding")
    ]
    assert found == [(5, 2, 0), (5, 3, 0), (5, 4, 1), (5, 5, 2)]


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


def check(task: NextItem, sequence: list[int], max_history: int, window: str) -> list[int]:
    """Compare every span with prompt and completion made alone; the number of targets in each row."""
    asked = targets(0, range(2, len(sequence)), max_history, window)
    rows = training_sequences(task, sequence, asked)
    assert [span.target for row in rows for span in row.spans] == list(range(len(asked)))
    for row in rows:
        assert row.spans[-1].stop == len(row.token_ids)
        for span in row.spans:
            target = asked[span.target]
            prompt = task.prompt(sequence[target.start : target.position])
            assert row.token_ids[: span.start] == prompt.token_ids
            assert row.token_ids[span.start : span.stop] == task.completion(sequence[target.position])
            assert span.start < span.stop
    return [len(row.spans) for row in rows]


def test_the_list_template_trains_a_user_as_one_row(
    listing: Template, apart: TextTokenizer, with_bos: TextTokenizer, items: Items
) -> None:
    for tokenizer in (apart, with_bos):
        assert check(next_item(listing, tokenizer, items, 1024), SEQUENCE, 50, "anchored") == [7]


def test_a_row_ends_where_the_window_moves(listing: Template, apart: TextTokenizer, items: Items) -> None:
    task = next_item(listing, apart, items, 1024)
    assert check(task, SEQUENCE, 4, "anchored") == [3, 2, 2]
    assert check(task, SEQUENCE, 4, "sliding") == [3, 1, 1, 1, 1]


def test_a_row_ends_where_items_are_dropped(listing: Template, apart: TextTokenizer, items: Items) -> None:
    lengths = check(next_item(listing, apart, items, 40), SEQUENCE, 50, "anchored")
    assert len(lengths) > 1
    assert sum(lengths) == 7


def test_one_row_a_target_where_prompts_do_not_nest(
    listing: Template, question: Template, apart: TextTokenizer, merged: TextTokenizer, items: Items
) -> None:
    assert check(next_item(question, apart, items, 1024), SEQUENCE, 50, "anchored") == [1] * 7
    assert merged.encode("1)\n") != merged.encode("1)") + merged.encode("\n")
    assert check(next_item(listing, merged, items, 1024), SEQUENCE, 50, "anchored") == [1] * 7


def test_targets_with_gaps_share_a_row_whose_gaps_are_not_trained(
    listing: Template, apart: TextTokenizer, items: Items
) -> None:
    task = next_item(listing, apart, items, 1024)
    (row,) = training_sequences(task, SEQUENCE, targets(0, [2, 5], 50, "anchored"))
    first, second = row.spans
    assert second == Span(second.start, len(row.token_ids), 1)
    assert apart.decode(row.token_ids[first.stop : second.start]) == "".join(
        f"{items[item]['title']}\n" for item in SEQUENCE[3:5]
    )
    assert training_sequences(task, SEQUENCE, []) == []


@given(
    sequence=st.lists(st.integers(0, 7), min_size=3, max_size=14),
    max_history=st.integers(1, 9),
    window=st.sampled_from(["sliding", "anchored"]),
    context=st.sampled_from([25, 40, 1024]),
    attributes=st.booleans(),
)
def test_rows_are_what_each_target_alone_would_be(
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
