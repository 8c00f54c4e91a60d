"""Successive halving: all candidates are tried on few users, the better ones on more."""

import math
from dataclasses import dataclass

KEPT = 4
"""One of so many candidates stays for the next round, which has so many times more users."""
FULL = 5
"""So many candidates, or fewer, meet all users at once: halving would save nothing."""


@dataclass(frozen=True)
class Round:
    """So many candidates, each ranking the targets of the first `users` of the sample."""

    candidates: int
    users: int


def rounds(candidates: int, users: int) -> list[Round]:
    """The rounds in which the best of `candidates` is found on at most `users` users.

    Each round asks about as much as the others (Jamieson & Talwalkar 2016), the last one has all users, so
    that 20 candidates cost as much as 4.5 with all users. Raises ValueError without a candidate or a user.
    """
    if candidates < 1 or users < 1:
        raise ValueError(f"{candidates} candidates and {users} users")
    sizes = [candidates]
    while sizes[-1] > (FULL if len(sizes) == 1 else 3):
        # At least two: a single one would have nothing to be compared with.
        sizes.append(max(2, math.ceil(sizes[-1] / KEPT)))
    later = range(len(sizes) - 1, -1, -1)
    return [Round(size, math.ceil(users / KEPT**left)) for size, left in zip(sizes, later, strict=True)]
