from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.evaluation.halving import FULL, Round, rounds


def test_twenty_candidates_cost_about_as_much_as_five() -> None:
    plan = rounds(20, 64)
    assert plan == [Round(20, 4), Round(5, 16), Round(2, 64)]
    assert sum(stage.candidates * stage.users for stage in plan) <= 5 * 64


def test_few_candidates_meet_all_users_at_once() -> None:
    assert rounds(FULL, 30) == [Round(FULL, 30)]


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_last_round_has_all_users_and_fewer_candidates(candidates: int, users: int) -> None:
    plan = rounds(candidates, users)
    assert plan[0].candidates == candidates
    assert plan[-1].users == users
    assert all(stage.candidates >= 1 and stage.users >= 1 for stage in plan)
    for one, next_one in pairwise(plan):
        assert next_one.candidates < one.candidates
        assert next_one.users >= one.users


@pytest.mark.parametrize(("candidates", "users"), [(0, 5), (5, 0)])
def test_nothing_to_try_is_an_error(candidates: int, users: int) -> None:
    with pytest.raises(ValueError, match="candidates"):
        rounds(candidates, users)
