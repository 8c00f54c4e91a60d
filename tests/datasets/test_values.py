"""Ratings and moments as sources write them."""

import pytest

from promptrec_tui.datasets.values import parse_moment, parse_rating


@pytest.mark.parametrize(
    ("text", "value"), [("4", 4.0), (" 3.5 ", 3.5), ("-1e1", -10.0), (".5", 0.5), ("", None)]
)
def test_ratings(text, value):
    assert parse_rating(text) == value


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "٣", "3,5", "five", "1e999", "0x1"])
def test_what_is_no_rating_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_rating(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("978300760", 978300760),
        ("9007199254740993", 9007199254740993),
        ("-9007199254740993", -9007199254740993),
        ("1.5E3", 1500),
        ("10.25", 10.25),
        ("1970-01-02", 86400),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01 00:00:01.5Z", 1.5),
    ],
)
def test_moments(text, value):
    moment = parse_moment(text)
    assert moment == value
    assert type(moment) is type(value)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e400", "yesterday", "01/02/2020", str(2**63), "٣"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_moment(text)
