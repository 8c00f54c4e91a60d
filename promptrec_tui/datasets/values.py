"""Numbers and moments as source files write them."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]{1,2}")
_INT64 = 2**63


@lru_cache(maxsize=4096)
def parse_rating(text: str) -> float | None:
    """A finite number; None for an empty field. Raises ValueError for anything else (text, nan, inf)."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def decimal_commas(texts: Iterable[str]) -> dict[str, float]:
    """The value of each text of a column that writes its numbers with decimal commas, as in 4,5.

    Empty where the column does not: where a number has a point, or a text may be in thousands (1,000).
    """
    found: dict[str, float] = {}
    for text in map(str.strip, texts):
        if _COMMA.fullmatch(text):
            found[text] = float(text.replace(",", "."))
        elif "." in text or not _NUMBER.fullmatch(text or "0"):
            return {}
    return found


def parse_moment(text: str) -> int | float:
    """A number as it stands (seconds since 1970), or an ISO 8601 date and time (UTC if unsaid) in seconds.

    Parts of a second survive, so that events can be ordered by them. Raises ValueError for anything else, an
    empty field too: without its moment an event has no place in a history.
    """
    if text.isascii() and text.isdigit():
        value: int | float = int(text)
    elif _NUMBER.fullmatch(text := text.strip()):
        number = float(text)
        exact = text.lstrip("+-").isdigit()
        value = int(text) if exact else int(number) if number.is_integer() else number
    else:
        moment = datetime.fromisoformat(text)
        value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        value = int(value) if value.is_integer() else value
    if not -_INT64 <= value < _INT64:
        raise ValueError(text)
    return value
