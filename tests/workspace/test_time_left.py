"""The time that training still takes."""

import math

import pytest

from promptrec_tui.workspace.time_left import seconds_left


def test_it_is_targets_left_by_the_median_speed() -> None:
    speeds = [64.0] * 10
    assert seconds_left(10, 110, 128, speeds) == 200
    assert seconds_left(110, 110, 128, speeds) == 0
    assert seconds_left(111, 110, 128, speeds) == 0
    assert seconds_left(10, 110, 128, [*speeds, 6400.0, None, math.nan, 0.0]) == 200


@pytest.mark.parametrize(("total", "speeds"), [(None, [5.0, 5.0]), (10, []), (10, [5.0]), (10, [None, 5.0])])
def test_it_is_not_known_too_early(total: int | None, speeds: list[float | None]) -> None:
    assert seconds_left(2, total, 128, speeds) is None
