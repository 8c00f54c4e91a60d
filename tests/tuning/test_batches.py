"""Which targets a step trains."""

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.tokentree.loss import Batch
from promptrec_tui.tokentree.sizes import CPU_FORWARD
from promptrec_tui.tokentree.tree import Tree, merge
from promptrec_tui.tuning.batches import Plan, epoch_order

# Token ids name their place, so that a label tells which target it belongs to.
Sizes = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=5), min_size=1, max_size=8)
Layout = st.sampled_from(["chain", "bush", "apart"])


def trees(sizes: list[list[int]], layout: str = "chain") -> list[Tree]:
    """A tree for each list; its numbers are the lengths of completions.

    In a chain each prompt is the one before and its completion and [1, 2]; in a bush all prompts of a tree
    begin with [1] and end with [3, 2]; apart they have nothing in common.
    """
    merged = []
    for number, lengths in enumerate(sizes):
        examples: list[list[int]] = []
        starts = []
        for target, length in enumerate(lengths):
            own = 1000 * (number + 1) + target
            if layout == "chain":
                prompt = [*(examples[-1] if examples else []), 1, 2]
            elif layout == "bush":
                prompt = [1, *[7] * target, 3, 2]
            else:
                prompt = [500 + target, 2]
            starts.append(len(prompt))
            examples.append([*prompt, *[own] * length])
        merged.append(merge(examples, starts))
    return merged


def trained(plan: Plan, step: int) -> list[int]:
    """The targets of a step, each by its token id."""
    return [
        int(piece.labels[piece.owners == owner][0])
        for piece in plan.pieces(step)
        for owner in np.unique(piece.owners)
    ]


def before(batch: Batch) -> list[tuple[list[int], int]]:
    """What each trained token may look at, and the token."""
    rows = []
    for row, column, label in zip(batch["rows"], batch["columns"], batch["labels"], strict=True):
        ids = batch["token_ids"][row, : column + 1]
        if "ends" in batch:
            ids = ids[batch["ends"][row, : column + 1] > column]
        rows.append((ids.tolist(), int(label)))
    return rows


@given(Sizes, Layout, st.integers(1, 9), st.integers(1, 3), st.integers(0, 5))
def test_every_step_has_exactly_its_targets_and_every_target_its_epochs(
    sizes: list[list[int]], layout: str, batch_size: int, epochs: int, seed: int
) -> None:
    plan = Plan(trees(sizes, layout), batch_size=batch_size, epochs=epochs, seed=seed)
    steps = [trained(plan, step) for step in range(plan.total_steps)]
    assert [len(step) for step in steps[:-1]] == [batch_size] * (len(steps) - 1)
    assert [len(step) for step in steps] == [plan.size(step) for step in range(plan.total_steps)]
    counts = Counter(target for step in steps for target in step)
    assert len(counts) == sum(map(len, sizes))
    assert set(counts.values()) == {epochs}


@given(Sizes, st.integers(1, 9), st.integers(1, 30))
def test_steps_by_number_are_all_full(sizes: list[list[int]], batch_size: int, max_steps: int) -> None:
    plan = Plan(trees(sizes), batch_size=batch_size, max_steps=max_steps)
    assert plan.total_steps == max_steps
    assert {len(trained(plan, step)) for step in range(max_steps)} == {batch_size}


@given(Sizes, Layout, st.integers(1, 9), st.integers(1, 4), st.sampled_from(["target", "token"]))
def test_forwards_hold_the_step(
    sizes: list[list[int]], layout: str, batch_size: int, accumulate: int, loss: str
) -> None:
    """Each trained token sees its own prompt and the tokens before it, and nothing else."""
    made = trees(sizes, layout)
    plan = Plan(made, batch_size=batch_size, accumulate=accumulate, loss=loss, epochs=2)
    pieces = plan.pieces(0)
    batches = plan.batches(0)
    weights = torch.cat([batch["weights"] for batch in batches])
    labels = torch.cat([batch["labels"] for batch in batches])
    assert weights.sum().item() == pytest.approx(1)
    if loss == "token":
        assert torch.allclose(weights, weights[0])
    else:
        shares = Counter(labels.tolist())
        sums = {label: weights[labels == label].sum().item() for label in shares}
        assert all(
            total == pytest.approx(shares[label] / (sizes_of(sizes, label) * plan.size(0)))
            for label, total in sums.items()
        )
    expected = [
        (
            piece.token_ids[[node for node in range(source + 1) if piece.ends[node] > source]].tolist(),
            int(label),
        )
        for piece in pieces
        for source, label in zip(piece.sources, piece.labels, strict=True)
    ]
    assert sorted(pair for batch in batches for pair in before(batch)) == sorted(expected)
    for batch in batches:
        if "ends" in batch:
            own = batch["positions"][batch["rows"], batch["columns"]].tolist()
            assert own == [len(ids) - 1 for ids, _ in before(batch)]


@given(
    Sizes,
    Layout,
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from(["target", "token"]),
    st.integers(0, 5),
)
def test_a_step_is_dealt_to_processes_whole_and_its_mean_stays(
    sizes: list[list[int]],
    layout: str,
    batch_size: int,
    accumulate: int,
    ranks: int,
    loss: str,
    seed: int,
) -> None:
    made = trees(sizes, layout)
    plan, other = (
        Plan(made, batch_size=batch_size, accumulate=accumulate, loss=loss, seed=seed, epochs=2)
        for _ in range(2)
    )
    for step in reversed(range(plan.total_steps)):
        shares = [plan.batches(step, rank, ranks) for rank in range(ranks)]
        assert all(shares), "a process without a forward would leave the others waiting"
        dealt, whole = rows_of(batch for share in shares for batch in share), rows_of(plan.batches(step))
        assert [token for token, _ in dealt] == [token for token, _ in whole]
        assert [weight for _, weight in dealt] == pytest.approx([weight for _, weight in whole])
        again = other.batches(step, ranks - 1, ranks)
        assert all(
            torch.equal(tensor, same[name])
            for batch, same in zip(shares[-1], again, strict=True)
            for name, tensor in batch.items()
        ), "a share hangs on seed, step and number of processes alone"


def rows_of(batches: Iterable[Batch]) -> list[tuple[tuple[int, ...], float]]:
    """Each trained token after all that it sees, and its weight; forwards of weight 0 train nothing."""
    return sorted(
        ((*seen, label), weight)
        for batch in batches
        for (seen, label), weight in zip(before(batch), batch["weights"].tolist(), strict=True)
        if weight
    )


def sizes_of(sizes: list[list[int]], label: int) -> int:
    """Tokens of the completion that is made of `label`."""
    return sizes[label // 1000 - 1][label % 1000]


def test_what_forks_shares_a_row_and_what_does_not_needs_no_mask() -> None:
    (chain,) = Plan(trees([[2, 2, 2]], "chain"), batch_size=3).batches(0)
    assert "ends" not in chain
    assert len(chain["token_ids"]) == 1
    (bush,) = Plan(trees([[2, 2, 2]], "bush"), batch_size=3).batches(0)
    assert bush["token_ids"].shape == (1, 1 + 2 + 3 * 3)
    assert "ends" in bush


def test_a_tree_deeper_than_the_window_is_trained_in_plain_rows() -> None:
    made = trees([[2, 2, 2]], "bush")
    (within,) = Plan(made, batch_size=3, reach=6).batches(0)
    (beyond,) = Plan(made, batch_size=3, reach=5).batches(0)
    assert "ends" in within
    assert "ends" not in beyond
    assert sorted(before(within)) == sorted(before(beyond))
    assert within["weights"].sum() == pytest.approx(1)


def test_small_trees_share_a_row_and_long_steps_take_several_forwards() -> None:
    plan = Plan(trees([[1] * 9, [1] * 2, [1] * 2], "bush"), batch_size=13)
    (batch,) = plan.batches(0)
    assert len(batch["token_ids"]) == 2
    wide = [merge([[1, *[2] * 900, 3, 4], [1, *[2] * 900, 5, 6]], [902, 902]) for _ in range(9)]
    forwards = Plan(wide, batch_size=18).batches(0)
    assert len(forwards) == 3
    assert all(forward["token_ids"].numel() <= CPU_FORWARD for forward in forwards)
    assert len(Plan(wide, batch_size=18, accumulate=9).batches(0)) == 9


@pytest.mark.parametrize("layout", ["chain", "bush", "apart"])
def test_smaller_forwards_train_the_same(layout: str) -> None:
    """As a GPU of little memory has them: a tree too wide for one is cut between its targets."""
    made = trees([[2] * 12, [1] * 7, [3] * 9], layout)
    whole = Plan(made, batch_size=28).batches(0)
    small = Plan(made, batch_size=28, forward=32).batches(0)
    assert len(small) > len(whole)
    widest = 32 if layout != "chain" else max(map(len, made))  # a plain sequence is never cut
    assert all(part["token_ids"].numel() <= widest for part in small)

    def weights_of(batches: list[Batch]) -> list[tuple[int, float]]:
        return sorted(
            (int(label), round(float(weight), 6))
            for batch in batches
            for label, weight in zip(batch["labels"], batch["weights"], strict=True)
        )

    assert weights_of(small) == weights_of(whole)


def test_a_tree_that_a_step_cuts_is_in_both_steps() -> None:
    plan = Plan(trees([[2, 2, 2, 2]]), batch_size=3)
    (first,), (second,) = plan.pieces(0), plan.pieces(1)
    assert len(np.unique(first.owners)) == 3
    assert len(np.unique(second.owners)) == 1
    assert second.token_ids[: len(first)].tolist() == first.token_ids.tolist()


def test_the_order_hangs_on_seed_and_epoch_alone() -> None:
    made = trees([[1]] * 50)
    forward = Plan(made, batch_size=7, seed=3, epochs=4)
    backward = Plan(made, batch_size=7, seed=3, epochs=4)
    steps = range(forward.total_steps)
    assert [trained(forward, step) for step in steps] == [
        trained(backward, step) for step in reversed(steps)
    ][::-1]
    orders = [epoch_order(50, seed, epoch) for seed in (3, 4) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert epoch_order(5, 3, 0) == [2, 0, 4, 1, 3], "a run must train the same in every version"
    assert math.isinf(forward.reach)
