"""Durations as people read them."""

from datetime import datetime

import pytest

from promptrec_tui.text import duration_text, left_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3540, "59 min"),
        (3599, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (86_399, "1 d 0 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_end_has_its_day_if_it_is_another_one() -> None:
    now = datetime(2026, 3, 1, 23, 30)
    assert left_text(600, now) == "10 min left, ends about 23:40"
    assert left_text(3600, now) == "1 h 00 min left, ends about 2026-03-02 00:30"
