"""Durations as people read them."""

from datetime import datetime

import pytest

from promptrec_tui.text import duration_text, figure_text, left_text, protocol_text, size_text


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


@pytest.mark.parametrize(
    ("value", "cases", "metric", "text"),
    [
        (0.1234567, None, "ndcg@10", "0.1235"),
        (0.1234567, 5000, "ndcg@10", "0.1235"),
        (0.1234567, 200, "ndcg@10", "0.123"),
        (0.14, 25, "ndcg@10", "0.14 (0.05 to 0.32)"),
        (0.0, 5, "hr@3", "0.00 (0.00 to 0.43)"),
        (1.25, 5, "logloss", "1.25"),
        (0.5, 20, "macro_f1", "0.50"),
        (None, 20, "hr@3", "-"),
        (float("nan"), 20, "hr@3", "nan"),
    ],
)
def test_a_figure_has_no_more_digits_than_its_cases_allow(value, cases, metric, text) -> None:
    assert figure_text(value, cases, metric) == text


def test_a_protocol_tells_what_is_known_of_it() -> None:
    known = {"users": 7, "catalogue": 9123, "seen": "removed", "split": "leave_one_out", "tie_rule": "line"}
    whole = "20 users, 9,123 items ranked, seen items removed, split leave_one_out, ties by line"
    assert protocol_text(known, 20) == whole
    assert protocol_text({"users": 3, "labels": 2, "split": "source"}) == "3 texts, 2 labels, split source"
    assert protocol_text({"k": 10}) == ""


def test_sizes_are_short() -> None:
    assert [size_text(count) for count in (812, 24_400_000, 1_300_000_000)] == [
        "812 bytes",
        "24.4 MB",
        "1.3 GB",
    ]
