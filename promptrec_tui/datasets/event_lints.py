"""What can be wrong with interactions: their order and times, their targets, their items' ids."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from promptrec_tui.datasets.dataset import Item
from promptrec_tui.datasets.events import (
    NO_TIME,
    Bools,
    Events,
    Floats,
    Ints,
    again,
    unit_name,
    units_of_second,
)
from promptrec_tui.datasets.findings import Lint, Severity, excerpt, percent, shown
from promptrec_tui.datasets.releases import release_times

SHORTEST = 3
"""Events of a user with a test target under leave-one-out."""
PLAUSIBLE = 10**8
"""From here on (1973) a count of seconds is believed to be a date."""
A_DAY = 86_400

_LAST_NUMBER = re.compile(r"\d{1,15}$")


SIGMAS = 5.0
"""How far above chance, in standard deviations, an order of ids must be to be reported."""


@dataclass(frozen=True, eq=False)
class Records:
    """The interactions of a dataset with their items and user keys by id; `now` is in seconds since 1970."""

    events: Events
    items: Sequence[Item]
    users: Sequence[str]
    now: float

    @cached_property
    def judged(self) -> Ints:
        """The index of the test target of each user who has one."""
        return self.events.ends[self.events.lengths >= SHORTEST]

    def say(self, indices: Iterable[int]) -> Iterator[str]:
        """Interactions as text: user, title, time."""
        for index in indices:
            user, title = self.users[self.events.user[index]], self.items[self.events.item[index]].title
            time = int(self.events.timestamp[index])
            yield f"user {user}: {excerpt(title)}" + (f", at {time}" if time != NO_TIME else "")


def tied_targets(records: Records) -> Lint | None:
    """Users whose last two events happened at the same moment."""
    events, judged = records.events, records.judged
    if not len(judged) or not events.timed:
        return None
    tied = judged[events.timestamp[judged] == events.timestamp[judged - 1]]
    share = len(tied) / len(judged)
    return _lint(
        "tied_targets",
        "serious" if share >= 0.1 else "warning",
        f"{len(tied):,} of {len(judged):,} users ({percent(share)}) have their last two events at the same "
        "moment: under leave-one-out a tie rule chooses the test target, not time.",
        tied,
        share,
        records.say(tied),
        "Choose data.tie_rule for the run and say which; data.tie_rule=item does not depend on the order "
        "of lines. `promptrec dataset splits` shows what each policy leaves to ties.",
    )


def repeated_targets(records: Records) -> Lint | None:
    """Users whose test target is in their history already."""
    events, judged = records.events, records.judged
    if not len(judged):
        return None
    last = np.repeat(events.item[events.ends], events.lengths)
    seen = events.item == last
    seen[events.ends] = False
    users = np.add.reduceat(seen, events.starts) > 0
    rows = events.ends[users & (events.lengths >= SHORTEST)]
    share = len(rows) / len(judged)
    return _lint(
        "repeated_targets",
        "serious" if share >= 0.05 else "warning",
        f"{len(rows):,} of {len(judged):,} users ({percent(share)}) have their test target in their history "
        "already: with seen items removed it cannot be ranked, with them kept it is easy to guess.",
        rows,
        share,
        records.say(rows),
        "Keep the first event of each item (`dataset clean --step repeats=first`), or ask for repeats with "
        "evaluation.seen=kept.",
    )


def duplicate_events(records: Records) -> Lint | None:
    """Events that equal an earlier one in user, item and time."""
    events = records.events
    if not events.timed:
        return None
    rows = np.flatnonzero(again(events.timestamp, events.item, events.user))
    return _lint(
        "duplicate_events",
        "warning",
        f"{len(rows):,} of {len(events):,} interactions repeat user, item and time of another.",
        rows,
        len(rows) / len(events),
        records.say(rows),
        "Keep one of each: `dataset clean --step dedupe=first`.",
    )


def future_items(records: Records) -> Lint | None:
    """Events that happened before their item was there."""
    times = seconds(records.events)
    released = release_times(records.items, records.now)
    if times is None or np.isnan(released).all():
        return None
    rows = np.flatnonzero(times < released[records.events.item])
    dated = int((~np.isnan(released[records.events.item])).sum())
    if not dated:
        return None
    return _lint(
        "future_items",
        "warning",
        f"{len(rows):,} of {dated:,} events of dated items happened before the item was released.",
        rows,
        len(rows) / dated,
        records.say(rows),
        "Check whether times or release dates are shifted (wrong column or unit) and mend the source.",
    )


def ordered_ids(records: Records) -> Lint | None:
    """Item ids that follow the order of events."""
    numbers = _numbers(records.items)
    if numbers is None:
        return None
    events = records.events.take(~again(records.events.item, records.events.user))
    following, own, users = _rank_correlation(events, numbers)
    if not len(users):
        return None
    steps = np.flatnonzero(np.diff(events.user) == 0)
    next_id = float((np.diff(numbers[events.item])[steps] == 1).mean())
    given_away = own >= 0.9
    # By chance the rank correlation of n events has the variance 1 / (n - 1), and the overall one weighs each
    # user by n (n^2 - 1); one step in as many as there are items goes to the next id.
    lengths = np.bincount(events.user)[users].astype(float)
    weights = lengths * (lengths**2 - 1)
    noise = float(np.sqrt((weights**2 / (lengths - 1)).sum()) / weights.sum())
    rises = following >= 0.2 and following >= SIGMAS * noise
    chance = 1 / max(len(records.items), 2)
    spread = float(np.sqrt(chance * (1 - chance) / max(len(steps), 1)))
    follows = next_id >= max(0.05, 3 * chance) and next_id >= chance + SIGMAS * spread
    if not rises and not follows:
        return None
    ties = ", and compare data.tie_rule=line with data.tie_rule=item" if events.timed else ""
    return Lint(
        "ordered_ids",
        "serious" if next_id >= 0.2 else "warning" if following >= 0.5 else "note",
        f"Item ids rise along the histories: rank correlation with time {following:.2f}, and "
        f"{percent(next_id)} of the steps go to the very next id. Ids in a template, or ties ordered by "
        "id, reveal the target.",
        int(given_away.sum()),
        float(given_away.mean()),
        shown(
            f"user {records.users[user]}: {rho:.2f}"
            for user, rho in zip(users, own, strict=True)
            if rho >= 0.9
        ),
        f"Leave ids out of templates{ties}.",
    )


def time_units(records: Records) -> Lint | None:
    """Seconds and milliseconds side by side, or milliseconds alone."""
    times = records.events.timestamp
    large = units_of_second(times) > 1
    small = ~large & (times != NO_TIME)
    if not large.any():
        return None
    mixed = bool(small.any())
    odd = np.flatnonzero(small if mixed and small.sum() < large.sum() else large)
    total = int(large.sum() + small.sum())
    return _lint(
        "time_units",
        "serious" if mixed else "note",
        f"{len(odd):,} timestamps are in another unit than the other {total - len(odd):,}: seconds and "
        "milliseconds or the like are mixed, and the order of events is wrong."
        if mixed
        else f"All {total:,} timestamps are in {unit_name(int(times.max()))}.",
        odd,
        len(odd) / total,
        records.say(odd),
        "Convert them to seconds: `dataset clean --step times=seconds`.",
    )


def future_times(records: Records) -> Lint | None:
    """Events later than now."""
    times = seconds(records.events)
    if times is None:
        return None
    return _odd_times(records, times > records.now + A_DAY, "future_times", "are in the future")


def early_times(records: Records) -> Lint | None:
    """Events at or before the first second of 1970."""
    times = records.events.timestamp
    return _odd_times(
        records, (times <= 0) & (times != NO_TIME), "early_times", "are zero or negative: 1970 or before"
    )


def untimed_events(records: Records) -> Lint | None:
    """Events without a timestamp."""
    rows = np.flatnonzero(records.events.timestamp == NO_TIME)
    return _lint(
        "untimed_events",
        "warning",
        f"{len(rows):,} of {len(records.events):,} interactions have no timestamp: their order is that "
        "of the source's lines.",
        rows,
        len(rows) / max(len(records.events), 1),
        records.say(rows),
        "Name the column with --map timestamp=COLUMN, or sort the lines by time.",
    )


def short_histories(records: Records) -> Lint | None:
    """Users with too few events for a target."""
    rows = records.events.starts[records.events.lengths < SHORTEST]
    users = len(records.events.starts)
    return _lint(
        "short_histories",
        "note",
        f"{len(rows):,} of {users:,} users have fewer than {SHORTEST} events: no target is drawn from them.",
        rows,
        len(rows) / max(users, 1),
        records.say(rows),
        "Nothing needs to be done; `dataset clean --step kcore=5` takes them out, with rare items.",
    )


EVENT_LINTS = (
    tied_targets,
    repeated_targets,
    duplicate_events,
    future_items,
    ordered_ids,
    time_units,
    future_times,
    early_times,
    untimed_events,
    short_histories,
)


def seconds(events: Events) -> Floats | None:
    """Timestamps in seconds; None where they are no dates, but numbers of steps or the like."""
    if not events.timed:
        return None
    times = events.timestamp / units_of_second(events.timestamp)
    return times if np.median(times) >= PLAUSIBLE else None


def _numbers(items: Sequence[Item]) -> Ints | None:
    """The number at the end of each item's key; None when some key ends without one."""
    matches = [_LAST_NUMBER.search(item.key) for item in items]
    return np.array([int(match[0]) for match in matches if match]) if all(matches) else None


def _rank_correlation(events: Events, numbers: Ints) -> tuple[float, Floats, Ints]:
    """Spearman's correlation of place and id in histories of 5 or more: overall, of each, and whose it is."""
    places = np.arange(len(events)) - np.repeat(events.starts, events.lengths)
    order = np.lexsort((numbers[events.item], events.user))
    ranks = np.empty(len(events), dtype=np.int64)
    ranks[order] = places
    distance = np.add.reduceat((places - ranks) ** 2, events.starts).astype(float)
    length = events.lengths.astype(float)
    judged = length >= 5
    distance, most = distance[judged], (length * (length**2 - 1) / 6)[judged]
    users = events.user[events.starts][judged]
    return (1 - distance.sum() / most.sum() if len(users) else 0.0), 1 - distance / most, users


def _odd_times(records: Records, odd: Bools, name: str, fault: str) -> Lint | None:
    rows = np.flatnonzero(odd)
    return _lint(
        name,
        "warning",
        f"{len(rows):,} of {len(odd):,} timestamps {fault}.",
        rows,
        len(rows) / max(len(odd), 1),
        records.say(rows),
        "Check whether the column or its unit is wrong, and import it again.",
    )


def _lint(
    name: str,
    severity: Severity,
    finding: str,
    rows: Ints,
    share: float,
    examples: Iterator[str],
    way_on: str,
) -> Lint | None:
    if not len(rows):
        return None
    return Lint(name, severity, finding, len(rows), float(share), shown(examples), way_on)
