"""Which users are measured."""

import hashlib
from collections.abc import Iterable


def sample_users(keys: Iterable[str], n: int, seed: int) -> list[str]:
    """At most `n` of the user `keys`, chosen by a hash of seed and key.

    The choice does not hang on the order of `keys` nor on a random generator's version, and a smaller sample
    is the beginning of a larger one under the same seed.
    """

    def ticket(key: str) -> tuple[bytes, str]:
        return hashlib.sha256(f"{seed}:{key}".encode()).digest(), key

    return sorted(set(keys), key=ticket)[:n]
