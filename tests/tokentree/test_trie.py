from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.tokentree.trie import pack_rows

titles = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple), min_size=1, max_size=25)


@given(titles, st.integers(1, 20))
def test_rows_hold_every_title_once(catalogue: list[tuple[int, ...]], width: int) -> None:
    """What each edge's source sees, first token first, is the title's own beginning; all labels are there."""
    sequences = sorted(set(catalogue))
    found: dict[int, list[tuple[int, ...]]] = {}
    for row in pack_rows(sequences, width):
        assert len(row.token_ids) <= max(width, max(map(len, sequences)) - 1)
        for source, label, owner in zip(row.sources, row.labels, row.owners, strict=True):
            seen = row.mask[source].nonzero()[0]
            assert row.depths[seen].tolist() == list(range(len(seen)))
            found.setdefault(owner, []).append((*row.token_ids[seen].tolist(), int(label)))
    for owner, sequence in enumerate(sequences):
        assert found.get(owner, []) == [sequence[: stop + 1] for stop in range(1, len(sequence))]


@given(titles)
def test_one_wide_row_has_no_node_twice(catalogue: list[tuple[int, ...]]) -> None:
    sequences = sorted(set(catalogue))
    beginnings = {sequence[:stop] for sequence in sequences for stop in range(1, len(sequence))}
    assert sum(len(row.token_ids) for row in pack_rows(sequences, 1000)) == len(beginnings)
