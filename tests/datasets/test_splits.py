"""Splits are functions of a sequence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.datasets.splits import Split, leave_one_out, order, split_labelled

events = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=12)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_too_short_a_history_has_no_split(length):
    assert leave_one_out(range(length)) is None


@pytest.mark.parametrize(
    ("length", "training", "validation", "test"),
    [(3, [], 1, 2), (4, [], 2, 3), (5, [2], 3, 4), (7, [2, 3, 4], 5, 6)],
)
def test_last_is_test_last_but_one_is_validation(length, training, validation, test):
    split = leave_one_out([7] * length)
    assert isinstance(split, Split)
    assert (list(split.training), split.validation, split.test) == (training, validation, test)


@given(events, st.randoms())
def test_the_item_rule_does_not_depend_on_the_lines(events, random):
    shuffled = events.copy()
    random.shuffle(shuffled)
    by_time = sorted(events, key=lambda event: event[1])
    assert order(by_time, "item") == order(sorted(shuffled, key=lambda event: event[1]), "item")
    assert order(by_time, "line") == [item for item, _ in by_time]


def test_events_without_timestamps_keep_their_order():
    assert order([(5, None), (3, None)], "item") == [5, 3]


def test_an_unknown_rule_is_an_error():
    with pytest.raises(ValueError, match="random"):
        order([], "random")


def test_the_parts_of_the_source_are_kept() -> None:
    parts = split_labelled([(0, "train"), (1, "Validation"), (2, "test"), (3, None)], seed=1)
    assert (parts.training, parts.validation, parts.test, parts.drawn) == ((0, 3), (1,), (2,), ())


@given(st.integers(3, 300), st.integers(0, 5), st.booleans())
def test_missing_parts_are_drawn_from_the_training_texts(count: int, seed: int, tested: bool) -> None:
    splits = [(number, "train") for number in range(count)] + ([(count, "test")] if tested else [])
    parts = split_labelled(splits, seed)
    everything = parts.training + parts.validation + parts.test
    assert sorted(everything) == [number for number, _ in splits]
    assert parts.drawn == (("valid",) if tested else ("valid", "test"))
    assert len(parts.validation) == max(1, count // 10)
    assert parts == split_labelled(reversed(splits), seed)
