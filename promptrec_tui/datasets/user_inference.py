"""The users behind instruction rows: rows whose histories continue one another belong to one user.

Such rows quote a history and a target: `"Alien (1979)", "Heat (1995)" … will the user like "Fargo (1996)"?`
The next row of the same user has that target in its history, and perhaps no more the oldest title.
"""

import re
from collections.abc import Iterable, Sequence

_QUOTED = re.compile(r'"([^"\n]{1,300})"')
FEWEST_TITLES = 4
"""With fewer in the history, two users may well share them all."""
RULE_SHARE = 0.9
"""The share of texts that must quote a history before users are inferred."""


def authors(texts: Sequence[str]) -> list[int] | None:
    """A number for the user behind each text; None when texts quote no histories.

    Users may be counted too often where rows between are missing; two users are never taken for one but when
    one's whole history is the other's.
    """
    histories = [_QUOTED.findall(text) for text in texts]
    if not texts or sum(len(titles) > FEWEST_TITLES for titles in histories) < RULE_SHARE * len(texts):
        return None
    parents = list(range(len(texts)))
    rows: dict[tuple[int, int], int] = {}
    for row, titles in enumerate(histories):
        if len(titles) > FEWEST_TITLES:
            _join(parents, row, rows.setdefault(_signature(titles[:-1]), row))
    for row, titles in enumerate(histories):
        if len(titles) > FEWEST_TITLES:
            for signature in _continuations(titles):
                if signature in rows:
                    _join(parents, row, rows[signature])
    return [_root(parents, row) for row in range(len(texts))]


def _signature(titles: Iterable[str]) -> tuple[int, int]:
    """A signature of a set of titles, independent of their order: their number and combined hashes."""
    distinct = set(titles)
    combined = 0
    for title in distinct:
        combined ^= hash(title)
    return len(distinct), combined


def _continuations(titles: Sequence[str]) -> Iterable[tuple[int, int]]:
    """The signatures that the history of the next row may have: all of this row, or all but one title."""
    number, combined = _signature(titles)
    yield number, combined
    for title in titles[:-1]:
        yield number - 1, combined ^ hash(title)


def _root(parents: list[int], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


def _join(parents: list[int], row: int, other: int) -> None:
    parents[_root(parents, row)] = _root(parents, other)
