"""What the patterns for personal data find, and what they must not."""

import pytest

from promptrec_tui.datasets.privacy import masked, personal_data


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail ann@example.org now", "e-mail"),
        ("call +49 30 901820", "phone"),
        ("call +1 (212) 555-0123.", "phone"),
        ("手机13800138000。", "phone"),
        ("call 212-555-0123", "phone"),
        ("身份证11010519491231002X", "id number"),
        ("SSN 078-05-1120", "id number"),
        ("pay DE89 3704 0044 0532 0130 00", "bank account"),
        ("card 4111 1111 1111 1111", "card number"),
    ],
)
def test_found(text, kind):
    assert [detected for detected, _ in personal_data(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "net sales of EUR 131,234,567.89 in 2010",
        "order 4111111111111112",
        "id 110105194912310021",
        "2001: A Space Odyssey (1968)",
        "from 1999-03-31 to 2000-01-01",
        "tt0133093 and 978-3-16-148410-0",
        "@home 3 @ 5",
        "up 5.2 % to 205.5 mn",
    ],
)
def test_left_alone(text):
    assert list(personal_data(text)) == []


def test_masked_shows_that_it_is_there_and_not_what_it_is():
    assert masked("ann@example.org") == "an*@*******.***"
