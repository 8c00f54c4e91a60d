"""The protocol of a figure: the conditions of its measurement, and the sample of users."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Protocol:
    """The conditions of an evaluation. Two numbers are comparable only under equal protocols.

    `catalogue` counts the items ranked, `users` the users measured; `seen` is "removed" or "kept"; a
    model's `score` is the "sum" of log P over the tokens of a title, or their "mean", or "catalogue", log P
    of the title among all titles of the catalogue, excluded ones too; ranks beyond `cap`
    were not told apart (None: all ranks exact); `stage` is "validation" or "test"; `dataset` is the SHA-256
    of the dataset file, `window` how histories are cut, `precision` that of the model, and `seed` has drawn
    the users. Reports of before these were there lack them.
    """

    split: str
    tie_rule: str
    catalogue: int
    seen: str
    score: str
    k: int
    cap: int | None
    users: int
    max_history: int
    stage: str
    dataset: str = ""
    window: str = ""
    precision: str = ""
    seed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The protocol as plain JSON values, keys as the field names."""
        return asdict(self)


def sample_users(keys: Iterable[str], n: int, seed: int) -> list[str]:
    """At most `n` of the user `keys`, chosen by a hash of seed and key.

    The choice does not depend on the order of `keys` or on a random generator's version, and a smaller sample
    is the beginning of a larger one under the same seed.
    """

    def ticket(key: str) -> tuple[bytes, str]:
        return hashlib.sha256(f"{seed}:{key}".encode()).digest(), key

    return sorted(set(keys), key=ticket)[:n]
