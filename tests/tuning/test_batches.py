"""Which targets a step trains."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.tasks.next_item import Span, TrainingSequence
from promptrec_tui.tuning.batches import Plan, epoch_order

# Token ids name their place, so that a label tells which target it belongs to.
Sizes = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=8)


def sequences(sizes: list[list[int]]) -> list[TrainingSequence]:
    """One row for each list; its numbers are the lengths of completions, each behind two prompt tokens."""
    found = []
    for row, lengths in enumerate(sizes):
        ids: list[int] = []
        spans = []
        for target, length in enumerate(lengths):
            ids += [1, 2]
            spans.append(Span(len(ids), len(ids) + length, target))
            ids += [1000 * (row + 1) + target] * length
        found.append(TrainingSequence(tuple(ids), tuple(spans)))
    return found


def trained(plan: Plan, step: int) -> list[int]:
    """The targets of a step, each by its token id."""
    return [piece.token_ids[span.start] for piece in plan.pieces(step) for span in piece.spans]


@given(Sizes, st.integers(1, 9), st.integers(1, 3), st.integers(0, 5))
def test_every_step_has_exactly_its_targets_and_every_target_its_epochs(
    sizes: list[list[int]], batch_size: int, epochs: int, seed: int
) -> None:
    plan = Plan(sequences(sizes), batch_size=batch_size, epochs=epochs, seed=seed)
    steps = [trained(plan, step) for step in range(plan.total_steps)]
    assert [len(step) for step in steps[:-1]] == [batch_size] * (len(steps) - 1)
    assert [len(step) for step in steps] == [plan.size(step) for step in range(plan.total_steps)]
    counts = Counter(target for step in steps for target in step)
    assert len(counts) == sum(map(len, sizes))
    assert set(counts.values()) == {epochs}


@given(Sizes, st.integers(1, 9), st.integers(1, 30))
def test_steps_by_number_are_all_full(sizes: list[list[int]], batch_size: int, max_steps: int) -> None:
    plan = Plan(sequences(sizes), batch_size=batch_size, max_steps=max_steps)
    assert plan.total_steps == max_steps
    assert {len(trained(plan, step)) for step in range(max_steps)} == {batch_size}


@given(Sizes, st.integers(1, 9), st.integers(1, 4), st.sampled_from(["target", "token"]))
def test_micro_batches_hold_the_step(
    sizes: list[list[int]], batch_size: int, accumulate: int, loss: str
) -> None:
    plan = Plan(sequences(sizes), batch_size=batch_size, accumulate=accumulate, loss=loss, epochs=2)
    batches = plan.batches(0)
    assert len(batches) == min(accumulate, len(plan.pieces(0)))
    weights = torch.cat([batch["weights"] for batch in batches])
    labels = torch.cat([batch["labels"] for batch in batches]).tolist()
    assert weights.sum().item() == pytest.approx(1)
    assert Counter(labels) == Counter(
        token
        for piece in plan.pieces(0)
        for span in piece.spans
        for token in piece.token_ids[span.start : span.stop]
    )
    if loss == "token":
        assert torch.allclose(weights, weights[0])
    for batch in batches:
        rows, columns = batch["rows"], batch["columns"]
        before = batch["token_ids"][rows, columns]
        # A label's first token follows the prompt (2), its others follow themselves.
        assert bool(((before == 2) | (before == batch["labels"])).all())


def test_a_sequence_that_a_step_cuts_is_in_both_steps() -> None:
    plan = Plan(sequences([[2, 2, 2, 2]]), batch_size=3)
    first, second = plan.pieces(0), plan.pieces(1)
    assert [len(piece.spans) for piece in first + second] == [3, 1]
    assert second[0].token_ids[: len(first[0].token_ids)] == first[0].token_ids


def test_the_order_hangs_on_seed_and_epoch_alone() -> None:
    rows = sequences([[1]] * 50)
    forward = Plan(rows, batch_size=7, seed=3, epochs=4)
    backward = Plan(rows, batch_size=7, seed=3, epochs=4)
    steps = range(forward.total_steps)
    assert [trained(forward, step) for step in steps] == [
        trained(backward, step) for step in reversed(steps)
    ][::-1]
    orders = [epoch_order(50, seed, epoch) for seed in (3, 4) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert epoch_order(5, 3, 0) == [2, 0, 4, 1, 3], "a run must train the same in every version"
