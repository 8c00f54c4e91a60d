from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.evaluation.protocol import sample_users

KEYS = [f"user {number}" for number in range(300)]


@given(st.permutations(KEYS[:40]), st.integers(0, 50))
def test_order_does_not_matter_and_samples_nest(keys: list[str], n: int) -> None:
    whole = sample_users(KEYS[:40], 40, seed=7)
    assert sample_users(keys, n, seed=7) == whole[:n]


def test_another_seed_gives_other_users() -> None:
    assert sample_users(KEYS, 25, seed=1) != sample_users(KEYS, 25, seed=2)
    assert len(set(sample_users(KEYS, 25, seed=1))) == 25


def test_the_sample_is_spread() -> None:
    """Over many seeds each user is taken about equally often."""
    taken = [key for seed in range(400) for key in sample_users(KEYS[:20], 5, seed)]
    assert all(60 < taken.count(key) < 140 for key in KEYS[:20])
