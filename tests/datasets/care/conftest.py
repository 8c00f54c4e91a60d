"""Small contents of datasets, in memory."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from promptrec_tui.datasets.contents import Contents
from promptrec_tui.datasets.dataset import Example, Item
from promptrec_tui.datasets.events import NO_TIME, Events

Event = tuple[str, int | None] | tuple[str, int | None, float | None]
"""(item key, timestamp, rating)"""


def build(
    histories: Mapping[str, Sequence[Event]],
    titles: Mapping[str, str] | None = None,
    examples: Sequence[tuple[str, str, str]] = (),
) -> Contents:
    """Histories by user key, titles by item key ("Title KEY" if unsaid), (text, label, split) of examples."""
    keys = list(
        dict.fromkeys([*(titles or {}), *(event[0] for events in histories.values() for event in events)])
    )
    rows = [
        (user, keys.index(event[0]), event[2] if len(event) > 2 else None, event[1])
        for user, events in enumerate(histories.values())
        for event in events
    ]
    events = Events(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=float),
        np.array([NO_TIME if row[3] is None else row[3] for row in rows], dtype=np.int64),
        np.arange(2, len(rows) + 2),
    )
    popularity = np.bincount(events.item, minlength=len(keys)).tolist()
    items = [
        Item(number, key, (titles or {}).get(key, f"Title {key}"), {}, popularity[number])
        for number, key in enumerate(keys)
    ]
    texts = [
        Example(number, {"text": text}, label, split or None)
        for number, (text, label, split) in enumerate(examples)
    ]
    profiles = [{"called": user} for user in histories]
    return Contents(events, items, np.ones(len(items), dtype=bool), list(histories), profiles, texts)


@pytest.fixture
def contents() -> Callable[..., Contents]:
    """`build`."""
    return build
