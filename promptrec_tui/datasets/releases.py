"""Release times of items, from their attributes or titles."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.datasets.events import Floats

RELEASE_NAMES = frozenset(
    (
        *("releasedate", "releaseyear", "releasetime", "released", "releasedat", "release", "year", "date"),
        *("published", "publishdate", "publishyear", "publishedat", "publicationdate", "publicationyear"),
        *(
            "yearpublished",
            "yearofpublication",
            "originalpublicationyear",
            "pubdate",
            "pubyear",
            "launchdate",
        ),
    )
)
_YEAR_IN_TITLE = re.compile(r"\((1[89]\d\d|20\d\d)\)\s*$")
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


def release_times(items: Sequence[Item], now: float) -> Floats:
    """When each item came out, in seconds since 1970 (a year counts from its first day); NaN if unknown.

    It is read from an attribute such as `release_date` or `year`, else from a year at the end of the title,
    where that is not beyond the next one after `now`: a number such as (2089) is part of a name.
    """
    latest = datetime.fromtimestamp(now, UTC).year + 1
    return np.array([_released(item, latest) for item in items], dtype=float)


def _released(item: Item, latest: int) -> float:
    texts = [str(value) for name, value in item.attributes.items() if _plain(name) in RELEASE_NAMES and value]
    for text in texts:
        try:
            moment = datetime.fromisoformat(text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            if year := _YEAR.search(text):
                return _year_start(year[1])
    title_year = _YEAR_IN_TITLE.search(item.title)
    return _year_start(title_year[1]) if title_year and int(title_year[1]) <= latest else np.nan


def _year_start(year: str) -> float:
    return datetime(int(year), 1, 1, tzinfo=UTC).timestamp()


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
