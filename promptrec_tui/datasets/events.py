"""All interactions of a dataset file as arrays, for counting, checking and cleaning."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.datasets.values import UNITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_TIME = -(2**63)
"""Stands in `timestamp` where an interaction has none: the one number that no source can give."""

UNIT_NAMES = {10**9: "nanoseconds", 10**6: "microseconds", 10**3: "milliseconds", 1: "seconds"}
SECONDS = (10**8, 4_102_444_800)
"""Between these a number looks like seconds, of 1973 to 2100; milliseconds would be of early 1970."""
UNKNOWN = (0, -1)
"""What sources write for a moment that they do not know."""

COLUMNS = f"user_id, item_id, rating, ifnull(timestamp, {NO_TIME}), line"
LAYOUT = [("user", "i8"), ("item", "i8"), ("rating", "f8"), ("timestamp", "i8"), ("line", "i8")]
CHUNK = 262_144


@dataclass(frozen=True, eq=False)
class Events:
    """One element an interaction, by user and position; a rating that is not there is NaN."""

    user: Ints
    item: Ints
    rating: Floats
    timestamp: Ints
    line: Ints

    def __len__(self) -> int:
        return len(self.user)

    @property
    def timed(self) -> bool:
        """Has every interaction a timestamp?"""
        return bool(len(self)) and not bool((self.timestamp == NO_TIME).any())

    @property
    def starts(self) -> Ints:
        """The index of each user's first event; a user is the stretch up to the next one."""
        return np.flatnonzero(np.diff(self.user, prepend=-1))

    @property
    def ends(self) -> Ints:
        """The index of each user's last event."""
        return np.flatnonzero(np.diff(self.user, append=-1))

    @property
    def lengths(self) -> Ints:
        """How many events each user has."""
        return self.ends - self.starts + 1

    def take(self, which: Ints | Bools) -> "Events":
        """The chosen events, in the order of `which`."""
        return Events(
            self.user[which], self.item[which], self.rating[which], self.timestamp[which], self.line[which]
        )


def gather(rows: Iterator[tuple[Any, ...]], count: int) -> Events:
    """`count` rows of `COLUMNS` as arrays."""
    columns = [np.empty(count, dtype) for _, dtype in LAYOUT]
    for start in range(0, count, CHUNK):
        table = np.fromiter(rows, dtype=LAYOUT, count=min(CHUNK, count - start))
        for column, (name, _) in zip(columns, LAYOUT, strict=True):
            column[start : start + CHUNK] = table[name]
    return Events(*columns)


def units_of_second(timestamp: Ints) -> Ints:
    """How many of its units make a second, for each timestamp: 1, or 1,000 for milliseconds, and so on.

    Small numbers beside larger ones are seconds where each of them looks like a count of seconds; else all
    are of one unit, and these are early.
    """
    units = np.ones(len(timestamp), dtype=np.int64)
    for least, unit in UNITS:
        units[(units == 1) & (timestamp >= least)] = unit
    large = units > 1
    small = ~large & (timestamp != NO_TIME)
    known = timestamp[small & ~np.isin(timestamp, UNKNOWN)]
    plain = (known >= SECONDS[0]) & (known <= SECONDS[1])
    if large.any() and not (len(known) and plain.all()):
        units[small] = units[large].min()
    return units


def unit_name(timestamp: int) -> str:
    """The unit that a timestamp looks like: "seconds", or a finer one."""
    return UNIT_NAMES[next(unit for least, unit in UNITS if timestamp >= least)]


def again(*columns: NDArray[np.generic]) -> Bools:
    """Which rows are equal, in all `columns`, to an earlier row."""
    repeated = np.zeros(len(columns[0]), dtype=bool)
    order = np.lexsort(columns)  # stable: of equal rows the earliest comes first
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        sorted_column = column[order]
        same &= sorted_column[1:] == sorted_column[:-1]
    repeated[order[1:][same]] = True
    return repeated
