"""Ratings and times as source files write them, one value and a whole column."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from promptrec_tui.errors import UserError

ORDERS = ("auto", "day-first", "month-first")

A_DAY = 86_400
GRAINS = (A_DAY, 60, 1)
MOST = 0.9
PLAUSIBLE = 10**8
"""A number below this (1973) counts as a timestamp only in a column that is mapped to timestamps."""
UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3), (-math.inf, 1))
"""Timestamps from the first number on have so many units a second: as seconds they would be after 5137."""
CALENDARS = (("%Y%m%d", 8), ("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14))
_ZONE = re.compile(r"\s*(UTC|GMT)$", re.IGNORECASE)
_TOLD_ZONE = re.compile(r"(Z|:\d{2}(\.\d+)?\s*[+-]\d{2}:?(\d{2})?)\s*$", re.IGNORECASE)
_OFFSET = re.compile(r"\s+([+-]\d{2}:?(?:\d{2})?)$")
_NUMERIC = re.compile(
    r"(\d{1,2})([/.\- ])(\d{1,2})(?:[/.\-]|,\s*)(\d{4}|\d{2})"
    r"(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?)?"
)
_FORMATS = (
    *("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d", "%Y/%m/%d %H:%M:%S%z"),
    *("%Y-%m-%d %I:%M:%S %p", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y"),
    *("%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S", "%b %d, %Y %H:%M:%S"),
    *("%b %d, %Y %I:%M:%S %p", "%Y年%m月%d日", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日 %H:%M:%S"),
)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]{1,2}")
_INT64 = 2**63
Parts = tuple[str | None, ...]


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
    values: dict[str, float] = {}
    for text in map(str.strip, texts):
        if _COMMA.fullmatch(text):
            values[text] = float(text.replace(",", "."))
        elif "." in text or not _NUMBER.fullmatch(text or "0"):
            return {}
    return values


def parse_moment(text: str) -> int | float:
    """A number unchanged (seconds since 1970), or an ISO 8601 date and time in seconds (UTC without a zone).

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


def parse_moments(
    texts: Iterable[str], order: str = "auto"
) -> tuple[dict[str, int | float], tuple[str, ...]]:
    """The moment of each text of a column in seconds since 1970 or as the number it is; others are left out.

    Whether the day or the month comes first is decided by a value above 12, or by `order` (of ORDERS); with
    points between the numbers the day does. A moment without a time zone is in UTC. Returns notes too.
    Raises UserError where the order cannot be decided.
    """
    moments: dict[str, int | float] = {}
    numeric: dict[str, Parts] = {}
    named = False
    for text in texts:
        bare = _OFFSET.sub(r"\1", _ZONE.sub("", text.strip()))
        try:
            moments[text] = parse_moment(bare)
            named = named or not (_is_number(bare) or _TOLD_ZONE.search(text))
        except ValueError:
            if matched := _NUMERIC.fullmatch(bare):
                numeric[text] = matched.groups()
            elif (moment := _by_format(bare)) is not None:
                moments[text] = _seconds(moment)
                named = True
    notes = []
    if numeric:
        day_first = _day_first(numeric, order)
        for text, parts in numeric.items():
            moment = _moment(parts, day_first)
            if moment is not None:
                moments[text] = _seconds(moment)
        example = next(iter(numeric))
        which = "day/month/year" if day_first else "month/day/year"
        notes.append(f'Dates such as "{example}" were read as {which}.')
    if named or numeric:
        notes.append("Dates without a time zone were read as UTC.")
    return moments, tuple(notes)


def finest(columns: Sequence[Sequence[str]], usual: int) -> int:
    """The index of the column with the finest timestamps: the first one, or a finer one.

    Another one is taken where the first holds whole days, minutes or seconds only, and the other one has
    moments of the same ones at different times; of the `usual` first ones also where the first holds no
    moment at all.
    """
    if not parse_moments(columns[0], "day-first")[0]:
        candidates = range(1, usual)
        return next((index for index in candidates if _comparable(columns[index]) is not None), 0)
    rows = [row for row, text in enumerate(columns[0]) if text]
    moments = [_comparable([texts[row] for row in rows]) for texts in columns]
    days = moments[0]
    grain = next((size for size in GRAINS if days and not any(day % size for day in days)), None)
    if days is None or grain is None:
        return 0
    # A day before or after may be the time zone's doing.
    early, late = (-A_DAY, 2 * A_DAY) if grain == A_DAY else (0, grain)
    best = 0
    for index, column in enumerate(moments):
        if column is None or len(set(column)) <= len(set(moments[best] or ())):
            continue
        near = sum(early <= moment - day < late for moment, day in zip(column, days, strict=True))
        if near >= MOST * len(days):
            best = index
    return best


def _comparable(texts: Sequence[str]) -> list[float] | None:
    """The moments of a column in seconds since 1970; None where a text is no moment, or too early to be."""
    try:
        moments, _ = parse_moments(texts)
        values = [moments[text] for text in texts]
    except (KeyError, UserError):
        return None
    shape = next((form for form, width in CALENDARS if all(len(text) == width for text in texts)), None)
    if shape:
        try:
            return [_seconds(datetime.strptime(text, shape)) for text in texts]
        except ValueError:
            pass
    seconds = [value / max(unit for least, unit in UNITS if value >= least) for value in values]
    return seconds if min(seconds, default=0) >= PLAUSIBLE else None


def check_order(order: str) -> str:
    """`order`, in lower case. Raises UserError when it is not one of ORDERS."""
    if (known := order.lower()) in ORDERS:
        return known
    raise UserError(f"--dates {order!r} is not known: choose among {', '.join(ORDERS)}.")


def can_be_moment(text: str) -> bool:
    """Could this text be a timestamp, with either order of day and month?"""
    return bool(parse_moments([text], "day-first")[0] or parse_moments([text], "month-first")[0])


def _day_first(numeric: dict[str, Parts], order: str) -> bool:
    if order != "auto":
        return order == "day-first"
    first = max(int(parts[0] or 0) for parts in numeric.values())
    second = max(int(parts[2] or 0) for parts in numeric.values())
    if first > 12 or second > 12:
        # Where both are, no order fits all; what does not fit is refused row by row.
        return first > 12
    separators = {parts[1] for parts in numeric.values()}
    if separators == {"."}:
        return True
    if separators == {" "}:
        return False
    example = next(iter(numeric))
    raise UserError(
        f'In dates such as "{example}" nothing tells the day from the month: say --dates day-first or '
        "--dates month-first."
    )


def _moment(parts: Parts, day_first: bool) -> datetime | None:
    """The moment of one match of `_NUMERIC`; None for a day, month or hour that there is not."""
    a, _, b, year, hour, minute, second, part, half = parts
    day, month = (a, b) if day_first else (b, a)
    full = (
        int(year or 0) if len(year or "") == 4 else int(year or 0) + (2000 if int(year or 0) < 70 else 1900)
    )
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half in "Pp" else 0)
    try:
        moment = datetime(full, int(month or 0), int(day or 0), hours, int(minute or 0), int(second or 0))
    except ValueError:
        return None
    return moment + timedelta(seconds=float(part or 0))


def _by_format(text: str) -> datetime | None:
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text) if "," in text else None
    except (TypeError, ValueError, IndexError):
        return None


def _seconds(moment: datetime) -> int | float:
    value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(value) if value.is_integer() else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
