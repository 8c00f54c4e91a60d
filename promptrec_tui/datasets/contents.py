"""All that a dataset file holds, in memory, while it is made into another one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from promptrec_tui.datasets.dataset import Counts, Dataset, Example, Item, User
from promptrec_tui.datasets.events import NO_TIME, Bools, Events, Ints
from promptrec_tui.datasets.writer import Interaction

CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class Contents:
    """Events, and by id the items, user keys and user attributes; `listed`: which items are still there.

    Ids stay while steps follow one another; who has no event left is gone, `compact` numbers the others anew.
    """

    events: Events
    items: Sequence[Item]
    listed: Bools
    users: Sequence[str]
    profiles: Sequence[Mapping[str, str]]
    examples: Sequence[Example]

    @property
    def counts(self) -> Counts:
        """How much is left."""
        users = int((np.bincount(self.events.user, minlength=len(self.users)) > 0).sum())
        return Counts(users, int(self.listed.sum()), len(self.events), len(self.examples))

    @property
    def popularity(self) -> Ints:
        """How many events each item has."""
        return np.bincount(self.events.item, minlength=len(self.items))

    def keep(self, events: Bools) -> "Contents":
        """Only these events; the catalogue stays."""
        return replace(self, events=self.events.take(events))

    def keep_items(self, items: Bools) -> "Contents":
        """Only these items, and the events that have them."""
        return replace(self, listed=self.listed & items, events=self.events.take(items[self.events.item]))

    def compact(self) -> "Contents":
        """The same with dense ids, and events counted: what a dataset file holds."""
        popularity = self.popularity
        kept = np.flatnonzero(self.listed).tolist()
        users = np.flatnonzero(np.bincount(self.events.user, minlength=len(self.users))).tolist()
        items = [
            replace(self.items[old], item_id=new, events=int(popularity[old])) for new, old in enumerate(kept)
        ]
        events = replace(
            self.events,
            user=np.searchsorted(users, self.events.user),
            item=np.searchsorted(kept, self.events.item),
        )
        examples = [replace(example, example_id=number) for number, example in enumerate(self.examples)]
        keys, profiles = [self.users[user] for user in users], [self.profiles[user] for user in users]
        return Contents(events, items, self.listed[kept], keys, profiles, examples)


def read_contents(dataset: Dataset) -> Contents:
    """Everything in `dataset`."""
    items = dataset.items()
    return Contents(
        dataset.events(),
        items,
        np.ones(len(items), dtype=bool),
        dataset.user_keys(),
        dataset.profiles(),
        list(dataset.examples()),
    )


def user_rows(contents: Contents) -> Iterator[User]:
    """The users of compact contents as the dataset file has them."""
    lengths = contents.events.lengths.tolist()
    first_rows = accumulate(lengths, initial=0)
    return map(User, range(len(lengths)), contents.users, lengths, first_rows, contents.profiles)


def interaction_rows(contents: Contents) -> Iterator[Interaction]:
    """The interactions of compact contents as the dataset file has them."""
    events = contents.events
    positions = np.arange(len(events)) - np.repeat(events.starts, events.lengths)
    for start in range(0, len(events), CHUNK):
        part = slice(start, start + CHUNK)
        ratings = events.rating[part].astype(object)
        ratings[np.isnan(events.rating[part])] = None
        times = events.timestamp[part].astype(object)
        times[events.timestamp[part] == NO_TIME] = None
        yield from zip(
            events.user[part].tolist(),
            positions[part].tolist(),
            events.item[part].tolist(),
            ratings.tolist(),
            times.tolist(),
            events.line[part].tolist(),
            strict=True,
        )
