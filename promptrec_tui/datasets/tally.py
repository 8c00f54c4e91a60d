"""Counts made while interactions are written to the dataset file."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from promptrec_tui.datasets.events import NO_TIME, Bools, Events, Floats, Ints
from promptrec_tui.datasets.interactions import Interactions
from promptrec_tui.datasets.tables import Tick
from promptrec_tui.datasets.writer import Interaction

PART = 65_536


class Tally:
    """Events by item, repeats, and users whose last two events are at one moment."""

    def __init__(self, items: int, timed: bool) -> None:
        self.events: Ints = np.zeros(items, dtype=np.int64)
        self._timed = timed
        self._twice = self._back = self._tied = self._judged = 0

    def rows(self, interactions: Interactions, tick: Tick) -> Iterator[Interaction]:
        """The interactions as the dataset file has them, counted."""
        done = 0
        for events in interactions.chunks():
            self._count(events)
            positions = np.arange(len(events)) - np.repeat(events.starts, events.lengths)
            for start in range(0, len(events), PART):
                tick(done, interactions.count)
                part = slice(start, start + PART)
                yield from zip(
                    events.user[part].tolist(),
                    positions[part].tolist(),
                    events.item[part].tolist(),
                    _or_none(events.rating[part], np.isnan(events.rating[part])),
                    _or_none(events.timestamp[part], events.timestamp[part] == NO_TIME),
                    events.line[part].tolist(),
                    strict=True,
                )
                done += len(events.user[part])
        tick(interactions.count, interactions.count)

    def remarks(self) -> tuple[str, ...]:
        """Warnings about the counted interactions."""
        sentences = []
        if self._tied:
            sentences.append(
                f"{self._tied:,} of {self._judged:,} users have their last two interactions at the same "
                "moment: which one is the test target is decided by the tie rule."
            )
        if self._twice:
            sentences.append(
                f"{self._twice:,} interactions repeat user, item and timestamp of an earlier one; all are "
                "kept (dataset clean merges them)."
            )
        if self._back:
            sentences.append(
                f"{self._back:,} interactions come back to an item that the user had before; all are kept."
            )
        return tuple(sentences)

    def _count(self, events: Events) -> None:
        self.events += np.bincount(events.item, minlength=len(self.events))
        again = _repeats(events.user, events.item, len(self.events))
        if self._timed:
            moved = np.diff(events.user, prepend=-1) != 0
            moved[1:] |= np.diff(events.timestamp) != 0
            twice = _repeats(np.cumsum(moved), events.item, len(self.events))
            self._twice += twice
            again -= twice
            last = events.ends[events.lengths >= 3]
            self._judged += len(last)
            self._tied += int((events.timestamp[last] == events.timestamp[last - 1]).sum())
        self._back += again


def _repeats(group: Ints, item: Ints, items: int) -> int:
    """How many events have the group and the item of another one, each first one left out."""
    pairs = np.sort((group - group[0]) * items + item)
    return int((np.diff(pairs) == 0).sum())


def _or_none(values: Floats | Ints, missing: Bools) -> list[Any]:
    if not missing.any():
        return list(values.tolist())
    objects = values.astype(object)
    objects[missing] = None
    return list(objects.tolist())
