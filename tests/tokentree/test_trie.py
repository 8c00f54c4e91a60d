"""The catalogue's trie and its rows, against what they are by definition."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrec_tui.tokentree.trie import Title, Trie, build_trie, trie_rows, without_certain_ends

titles = st.lists(
    st.lists(st.sampled_from([0, 1, 2, 70000]), min_size=1, max_size=6).map(tuple), min_size=1, max_size=25
).map(lambda drawn: sorted(set(drawn)))
thorough = settings(deadline=None, max_examples=40)


def beginning(trie: Trie, node: int) -> Title:
    """The tokens on the way to a node; every parent lies before its children, so the way ends."""
    if node == 0:
        return ()
    assert trie.parents[node] < node
    return (*beginning(trie, int(trie.parents[node])), int(trie.tokens[node]))


@thorough
@given(titles)
def test_every_beginning_is_one_node(catalogue: list[Title]) -> None:
    trie = build_trie(catalogue)
    nodes = [beginning(trie, node) for node in range(len(trie.tokens))]
    assert Counter(nodes) == Counter({title[:stop] for title in catalogue for stop in range(len(title) + 1)})
    assert [len(node) for node in nodes] == sorted(len(node) for node in nodes)
    assert trie.lengths.tolist() == [len(title) for title in catalogue]
    assert trie.inner == len({title[:stop] for title in catalogue for stop in range(len(title))})


@thorough
@given(titles)
def test_children_lie_together_in_the_order_of_their_tokens(catalogue: list[Title]) -> None:
    trie = build_trie(catalogue)
    for node in range(len(trie.tokens)):
        children = range(trie.starts[node], trie.stops[node])
        assert list(children) == [
            child for child in range(1, len(trie.tokens)) if trie.parents[child] == node
        ]
        assert (np.diff(trie.tokens[list(children)]) > 0).all()


@thorough
@given(titles, st.data())
def test_a_node_knows_the_titles_below(catalogue: list[Title], data: st.DataObject) -> None:
    trie = build_trie(catalogue)
    size = len(catalogue)
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), np.int32)
    sums = trie.sums(counts)
    for node in range(len(trie.tokens)):
        way = beginning(trie, node)
        below = [index for index, title in enumerate(catalogue) if title[: len(way)] == way]
        assert list(range(trie.lows[node], trie.highs[node])) == below
        assert trie.longest[node] == max(len(catalogue[index]) for index in below)
        assert sums[node] == counts[below].sum()


@thorough
@given(titles)
def test_a_title_ends_at_its_leaf_and_its_path_leads_there(catalogue: list[Title]) -> None:
    trie = build_trie(catalogue)
    for index, title in enumerate(catalogue):
        assert beginning(trie, int(trie.leaves[index])) == title
        path = trie.path(index)
        assert [beginning(trie, node) for node in path] == [title[:stop] for stop in range(1, len(title))]
    ends = {int(leaf): index for index, leaf in enumerate(trie.leaves)}
    assert trie.complete.tolist() == [ends.get(node, -1) for node in range(len(trie.tokens))]


@thorough
@given(titles, st.integers(1, 20))
def test_rows_hold_every_title_once(catalogue: list[Title], width: int) -> None:
    """What each edge's source sees, first token first, is the title's own beginning; all labels are there."""
    beginnings: dict[int, list[Title]] = {}
    for row in trie_rows(catalogue, width):
        assert 0 < len(row) <= max(width, max(map(len, catalogue)) - 1)
        for source, label, owner in zip(row.sources, row.labels, row.owners, strict=True):
            seen = [node for node in range(source + 1) if row.ends[node] > source]
            assert row.depths[seen].tolist() == list(range(len(seen)))
            beginnings.setdefault(int(owner), []).append((*row.token_ids[seen].tolist(), int(label)))
    for owner, title in enumerate(catalogue):
        assert sorted(beginnings.get(owner, [])) == [title[: stop + 1] for stop in range(1, len(title))]


@thorough
@given(titles)
def test_one_wide_row_has_no_node_twice(catalogue: list[Title]) -> None:
    read = {title[:stop] for title in catalogue for stop in range(1, len(title))}
    rows = trie_rows(catalogue, 1000)
    assert len(rows) == (1 if read else 0)
    assert sum(map(len, rows)) == len(read)


ended = titles.map(lambda drawn: [(*title, 9) for title in drawn])
"""Titles with an end token, so that none begins another."""


@thorough
@given(ended)
def test_a_certain_end_is_what_no_other_title_disputes(catalogue: list[Title]) -> None:
    catalogue = sorted(catalogue)
    for title, cut in zip(catalogue, without_certain_ends(catalogue), strict=True):
        alike = [sum(other[:stop] == title[:stop] for other in catalogue) for stop in range(len(title) + 1)]
        assert cut == title[: max(1, alike.index(1))]


@pytest.mark.parametrize("catalogue", [[(5,), (5, 6)], [(5, 6), (5, 6, 7, 2), (5, 6, 8, 2)]])
def test_a_title_that_begins_another_has_no_end_that_could_be_certain(catalogue: list[Title]) -> None:
    with pytest.raises(ValueError, match="is the beginning of another"):
        without_certain_ends(catalogue)


@thorough
@given(titles)
def test_lines_lead_to_each_title_and_children_are_told_node_by_node(catalogue: list[Title]) -> None:
    trie = build_trie(catalogue)
    for title, line in zip(catalogue, trie.lines, strict=True):
        ways = [beginning(trie, node) for node in line[: len(title)]]
        assert ways == [title[:stop] for stop in range(1, len(title) + 1)]
        assert not line[len(title) :].any()
    nodes = np.arange(len(trie.tokens), dtype=np.int32)[::-1]
    rows, children = trie.below(nodes)
    assert [(nodes[row], child) for row, child in zip(rows, children, strict=True)] == [
        (node, child) for node in nodes for child in range(trie.starts[node], trie.stops[node])
    ]
    assert trie.branching.tolist() == [int((trie.parents[1:] == node).sum()) > 1 for node in sorted(nodes)]
