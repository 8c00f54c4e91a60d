"""Personal data that a pattern can find in texts: e-mail addresses, phone and id numbers.

A pattern finds what looks like one. Names, streets and stories it does not find.
"""

import re
from collections.abc import Callable, Iterator

HIDDEN = "*"
SHOWN_CHARACTERS = 2


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(digits[::-1])]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and _luhn(digits)


def _resident_id(text: str) -> bool:
    """The check digit of a Chinese resident identity number (GB 11643)."""
    weighted = sum(int(digit) * (2 ** (17 - index) % 11) for index, digit in enumerate(text[:17]))
    return "10X98765432"[weighted % 11] == text[17].upper()


def _iban(text: str) -> bool:
    """The check digits of an international bank account number (ISO 13616)."""
    plain = text.replace(" ", "")
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _phone(text: str) -> bool:
    return 8 <= sum(char.isdigit() for char in text) <= 15


def _always(text: str) -> bool:
    return True


KINDS: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("e-mail", r"[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{2,63}){1,4}", _always),
    ("bank account", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _iban),
    ("id number", r"(?<![\w.])\d{17}[\dXx](?!\w)", _resident_id),
    ("id number", r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", _always),
    ("card number", r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)", _card),
    ("phone", r"(?<!\w)\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\w)", _phone),
    ("phone", r"(?<![\w.])1[3-9]\d{9}(?!\w)", _always),
    ("phone", r"(?<![\w.])\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}(?!\w)", _always),
)
"""Kind, pattern, and a check (check digits, a length) that excludes most chance matches."""

# ASCII classes: a number may directly follow a Chinese character.
_PATTERNS = tuple((kind, re.compile(pattern, re.ASCII), check) for kind, pattern, check in KINDS)

_HINT = re.compile(r"@|\d\D{0,3}\d\D{0,3}\d")


def personal_data(text: str) -> Iterator[tuple[str, str]]:
    """(kind, what looks like it) for each piece of personal data in `text`; each piece once."""
    if not _HINT.search(text):
        return
    spans: list[tuple[int, int]] = []
    for kind, pattern, check in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if check(match[0]) and all(end <= left or start >= right for left, right in spans):
                spans.append((start, end))
                yield kind, match[0]


def masked(text: str) -> str:
    """`text` with all letters and digits after the first two hidden, for showing that it is there."""
    head, rest = text[:SHOWN_CHARACTERS], text[SHOWN_CHARACTERS:]
    return head + "".join(HIDDEN if char.isalnum() else char for char in rest)
