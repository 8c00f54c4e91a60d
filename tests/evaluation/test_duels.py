"""Two models case by case, against a count by hand."""

import math
import random

import numpy as np
import pytest

from promptrec_tui.evaluation.duels import Tally, gains, tally
from promptrec_tui.evaluation.predictions import Predictions, ranked


def labelled(label: list[int], truth: list[float]) -> Predictions:
    keys = tuple(f"t{number}" for number in range(len(label)))
    columns = {"label": np.array(label), "target": np.zeros(len(label), int), "logprob": np.log(truth)}
    return Predictions(keys, keys, columns)


def test_wins_are_counted_as_by_hand() -> None:
    random_ = random.Random(3)
    ours, theirs = ([float(random_.randrange(1, 12)) for _ in range(200)] for _ in range(2))
    keys = tuple(map(str, range(200)))
    counted = tally(ranked(keys, ours), ranked(keys, theirs))
    pairs = list(zip(ours, theirs, strict=True))
    assert counted == Tally(
        sum(our < their for our, their in pairs),
        sum(our == their for our, their in pairs),
        sum(our > their for our, their in pairs),
    )


def test_a_rank_that_is_no_number_loses() -> None:
    nan, inf = math.nan, math.inf
    ours, theirs = (
        ranked(("a", "b", "c", "d"), [nan, 5, nan, inf]),
        ranked(("a", "b", "c", "d"), [9, nan, nan, 7]),
    )
    assert tally(ours, theirs) == Tally(1, 1, 2)
    by_key = {case.key: case for case in gains(ours, theirs)}
    assert (by_key["a"].ours, by_key["a"].theirs) == (None, 9)
    assert by_key["c"].gain == 0
    assert all(math.isfinite(case.gain) for case in by_key.values())


def test_from_rank_14_to_3_is_more_than_from_1400_to_300() -> None:
    ours, theirs = (
        ranked(("far", "near", "lost"), [300, 3, 8]),
        ranked(("far", "near", "lost"), [1400, 14, 2]),
    )
    cases = gains(ours, theirs)
    assert [case.key for case in cases] == ["near", "far", "lost"]
    assert cases[0].gain == pytest.approx(1 / math.log2(4) - 1 / math.log2(15))
    assert cases[-1].gain < 0


def test_a_label_is_won_by_the_one_that_alone_is_right() -> None:
    ours, theirs = labelled([0, 0, 1, 1], [0.6, 0.9, 0.3, 0.2]), labelled([0, 1, 0, 1], [0.8, 0.4, 0.7, 0.2])
    assert tally(ours, theirs) == Tally(1, 2, 1)
    assert [case.key for case in gains(ours, theirs)] == ["t1", "t3", "t0", "t2"]
    assert gains(ours, theirs)[0].ours == pytest.approx(0.9)


def test_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="the same cases"):
        tally(ranked(("a",), [1]), ranked(("b",), [1]))
