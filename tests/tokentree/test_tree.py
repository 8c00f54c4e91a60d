"""A tree holds its sequences, whatever is done to it: checked on random ones against their definition."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.tokentree.tree import Tree, common, join, merge, pack, split

Tokens = tuple[int, ...]
Edges = dict[int, list[tuple[Tokens, int]]]
Parts = list[tuple[Tokens, int]]

# Few ids, so that sequences repeat and share beginnings, up to being beginnings of one another.
tokens = st.sampled_from([0, 1, 2, 300, 70000])
# Each with the place of its first edge; at its very end it has none.
sequences = st.lists(
    st.tuples(st.lists(tokens, min_size=1, max_size=6).map(tuple), st.integers(1, 6)).map(
        lambda pair: (pair[0], min(pair[1], len(pair[0])))
    ),
    max_size=12,
)
whole = st.lists(st.lists(tokens, min_size=2, max_size=6).map(tuple), min_size=1, max_size=12)
thorough = settings(deadline=None, max_examples=40)


def tree_of(parts: Parts) -> Tree:
    return merge([sequence for sequence, _ in parts], [start for _, start in parts])


def seen_from(tree: Tree, node: int) -> Tokens:
    """The tokens that a node sees by the definition of `Tree`, itself the last; depths checked meanwhile."""
    seen = [other for other in range(node + 1) if tree.ends[other] > node]
    assert tree.depths[seen].tolist() == list(range(len(seen)))
    return tuple(tree.token_ids[seen].tolist())


def edges_of(tree: Tree) -> Edges:
    """What each owner's edges predict after what, the shortest beginning first."""
    edges: Edges = {}
    for source, label, owner in zip(tree.sources, tree.labels, tree.owners, strict=True):
        edges.setdefault(int(owner), []).append((seen_from(tree, source), int(label)))
    return {owner: sorted(pairs, key=lambda edge: len(edge[0])) for owner, pairs in edges.items()}


def edges_by_definition(parts: Parts) -> Edges:
    edges = {
        owner: [(sequence[:stop], sequence[stop]) for stop in range(start, len(sequence))]
        for owner, (sequence, start) in enumerate(parts)
    }
    return {owner: pairs for owner, pairs in edges.items() if pairs}


def beginnings(read: Sequence[Tokens]) -> set[Tokens]:
    return {sequence[:stop] for sequence in read for stop in range(1, len(sequence) + 1)}


@thorough
@given(sequences)
def test_every_edge_sees_its_own_sequence_and_nothing_else(parts: Parts) -> None:
    assert edges_of(tree_of(parts)) == edges_by_definition(parts)


@thorough
@given(sequences)
def test_no_beginning_is_read_twice_and_no_last_token_is_read(parts: Parts) -> None:
    tree = tree_of(parts)
    nodes = [seen_from(tree, node) for node in range(len(tree))]
    assert Counter(nodes) == Counter(beginnings([sequence[:-1] for sequence, _ in parts]))


@thorough
@given(sequences, st.randoms(use_true_random=False))
def test_the_order_of_the_sequences_changes_the_owners_only(parts: Parts, random: object) -> None:
    order = list(range(len(parts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    tree, shuffled = tree_of(parts), tree_of([parts[index] for index in order])
    for name in ("token_ids", "depths", "ends"):
        assert getattr(tree, name).tolist() == getattr(shuffled, name).tolist()
    assert edges_of(tree) == {order[owner]: pairs for owner, pairs in edges_of(shuffled).items()}


@thorough
@given(sequences, sequences)
def test_a_tree_branches_unless_its_nodes_are_one_chain(one: Parts, other: Parts) -> None:
    for tree in (tree_of(one), join([tree_of(one), tree_of(other)])):
        assert tree.branches == (tree.depths.tolist() != list(range(len(tree))))


@thorough
@given(sequences, st.data())
def test_only_keeps_the_chosen_edges_and_what_they_see(parts: Parts, data: st.DataObject) -> None:
    tree = tree_of(parts)
    size = len(tree.labels)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), np.bool_)
    some = tree.only(chosen)
    given_edges = zip(tree.sources[chosen], tree.labels[chosen], tree.owners[chosen], strict=True)
    wanted = [(seen_from(tree, source), label, owner) for source, label, owner in given_edges]
    found_edges = zip(some.sources, some.labels, some.owners, strict=True)
    assert [(seen_from(some, source), label, owner) for source, label, owner in found_edges] == wanted
    nodes = [seen_from(some, node) for node in range(len(some))]
    assert Counter(nodes) == Counter(beginnings([beginning for beginning, _, _ in wanted]))


@thorough
@given(sequences, st.integers(0, 12), st.integers(0, 12))
def test_a_part_is_the_tree_of_its_owners_alone(parts: Parts, first: int, stop: int) -> None:
    part = tree_of(parts).part(first, stop)
    edges = edges_by_definition(parts)
    assert edges_of(part) == {owner: edges[owner] for owner in edges if first <= owner < stop}


@thorough
@given(st.lists(sequences, min_size=1, max_size=4))
def test_joined_trees_do_not_see_one_another(many: list[Parts]) -> None:
    joined = join([tree_of(parts) for parts in many])
    wanted = [edges_by_definition(parts) for parts in many]
    edges = edges_of(joined)
    for owner in range(12):
        alike = [edge for expected in wanted for edge in expected.get(owner, [])]
        assert Counter(edges.get(owner, [])) == Counter(alike)
    assert len(joined) == sum(len(tree_of(parts)) for parts in many)


@thorough
@given(whole, st.integers(1, 20))
def test_split_parts_hold_every_owner_once_and_keep_the_width(read: list[Tokens], width: int) -> None:
    parts = [(sequence, 1) for sequence in read]
    all_edges: Edges = {}
    owners = []
    for part in split(tree_of(parts), width):
        assert len(part) <= width or len(set(part.owners.tolist())) == 1
        edges = edges_of(part)
        nodes = [seen_from(part, node) for node in range(len(part))]
        assert Counter(nodes) == Counter(beginnings([read[owner][:-1] for owner in edges]))
        all_edges |= edges
        owners += sorted(edges)
    assert owners == list(range(len(read)))
    assert all_edges == edges_by_definition(parts)


@thorough
@given(st.lists(sequences, max_size=5), st.integers(1, 20))
def test_packed_rows_keep_all_edges_and_the_width(many: list[Parts], width: int) -> None:
    trees = [tree_of(parts) for parts in many]
    for index, tree in enumerate(trees):
        tree.owners[:] = index
    rows = pack(trees, width)
    all_edges: Edges = {}
    for row in rows:
        # Wider only for a tree that is wider by itself, and then alone.
        assert len(row) <= width or len(row) in map(len, trees)
        edges = edges_of(row)
        assert not edges.keys() & all_edges.keys()
        all_edges |= edges
    for index, tree in enumerate(trees):
        assert Counter(all_edges.get(index, [])) == Counter(edges_of(tree).get(index, []))
    assert sum(map(len, rows)) == sum(map(len, trees))


@thorough
@given(st.lists(whole, min_size=1, max_size=6), st.integers(1, 20))
def test_no_two_packed_rows_would_fit_in_one(many: list[list[Tokens]], width: int) -> None:
    rows = pack([merge(read, [1] * len(read)) for read in many], width)
    sizes = sorted(map(len, rows))
    assert len(sizes) == 1 or sizes[0] + sizes[1] > width


def test_two_owners_of_the_same_sequence_keep_an_edge_each() -> None:
    tree = merge([(4, 5), (4, 5), (4,)], [1, 1, 1])
    assert tree.token_ids.tolist() == [4]
    assert tree.labels.tolist() == [5, 5]
    assert sorted(tree.owners.tolist()) == [0, 1]


@given(st.lists(tokens), st.lists(tokens))
def test_common_counts_the_equal_tokens_at_the_beginning(one: list[int], other: list[int]) -> None:
    count = common(np.array(one, np.int32), np.array(other, np.int32))
    assert one[:count] == other[:count]
    assert one[count : count + 1] != other[count : count + 1] or count == len(one) == len(other)
