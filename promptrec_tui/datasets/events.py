"""All interactions of a dataset file at once, as arrays: for whoever counts, checks or cleans them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_TIME = -(2**63)
"""Stands in `timestamp` where an interaction has none: the one number that no source can give."""

COLUMNS = f"user_id, item_id, rating, ifnull(timestamp, {NO_TIME}), line"
LAYOUT = [("user", "i8"), ("item", "i8"), ("rating", "f8"), ("timestamp", "i8"), ("line", "i8")]


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


def gather(rows: Iterable[tuple[Any, ...]], count: int) -> Events:
    """`count` rows of `COLUMNS` as arrays."""
    table = np.fromiter(rows, dtype=LAYOUT, count=count)
    return Events(*(np.ascontiguousarray(table[name]) for name, _ in LAYOUT))
