"""Splits of all events by policy, and how much each policy leaves to the tie rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.datasets.dataset import Dataset
from promptrec_tui.datasets.events import Bools, Events
from promptrec_tui.datasets.splits import leave_one_out, split_labelled

CONTEXT, TRAINING, VALIDATION, TEST = range(4)
"""What an event is: history only, or a target of one of the three parts."""

Parts = NDArray[np.int8]

HISTORY = 2
"""Events before a target, at least; DESIGN: training targets begin with a user's third event."""
SHARES = (0.8, 0.9)
"""Where validation and test begin, as a share of all events, or of a user's."""


@dataclass(frozen=True)
class SplitSummary:
    """The number of targets of each part and of `users` with a test target; `usable`: can a run use it?

    `tied` is the share (0 to 1) of those users whose test or validation target depends on the tie rule.
    """

    policy: str
    about: str
    training: int
    validation: int
    test: int
    users: int
    tied: float
    usable: bool


def leave_one_out_parts(events: Events) -> Parts:
    """`splits.leave_one_out` of each user's events."""
    parts = np.full(len(events), CONTEXT, dtype=np.int8)
    for start, length in zip(events.starts.tolist(), events.lengths.tolist(), strict=True):
        if split := leave_one_out(range(length)):
            parts[start + split.training.start : start + split.training.stop] = TRAINING
            parts[start + split.validation], parts[start + split.test] = VALIDATION, TEST
    return parts


def ratio_by_user(events: Events) -> Parts:
    """The last tenth of a user's events = test, the tenth before = validation, both rounded up."""
    parts = _training(events)
    places, lengths = _places(events), np.repeat(events.lengths, events.lengths)
    for share, part in zip(SHARES, (VALIDATION, TEST), strict=True):
        parts[(places >= np.floor(lengths * share)) & (parts != CONTEXT)] = part
    return parts


def global_time(events: Events) -> Parts:
    """Two moments cut all events: the last tenth = test, the tenth before = validation.

    Events of one moment are on one side. Raises ValueError without timestamps.
    """
    if not events.timed:
        raise ValueError("global_time needs timestamps")
    parts = _training(events)
    for share, part in zip(SHARES, (VALIDATION, TEST), strict=True):
        cut = np.quantile(events.timestamp, share, method="higher")
        parts[(events.timestamp >= cut) & (parts != CONTEXT)] = part
    return parts


POLICIES: dict[str, tuple[Callable[[Events], Parts], str]] = {
    "leave_one_out": (leave_one_out_parts, "last event of a user = test, last but one = validation"),
    "ratio_by_user": (ratio_by_user, "of each user: the last tenth = test, the tenth before = validation"),
    "global_time": (global_time, "of all events: the last tenth = test, the tenth before = validation"),
}
"""The policies over interactions, by the name that `data.split` has for them."""

USABLE = frozenset({"leave_one_out"})


def summarise_splits(dataset: Dataset) -> list[SplitSummary]:
    """What each policy makes of `dataset`, as far as it has the events, times or labelled texts for it."""
    events = dataset.events()
    summaries = [
        _summary(name, about, cut(events), events)
        for name, (cut, about) in POLICIES.items()
        if len(events) and (events.timed or cut is not global_time)
    ]
    labelled = [
        (example.example_id, example.split) for example in dataset.examples() if example.label is not None
    ]
    if labelled:
        summaries.append(_labelled(labelled))
    return summaries


def tied_users(parts: Parts, events: Events) -> Bools:
    """For each user: do two events of one moment lie in different parts? Then the tie rule put them there."""
    if not events.timed:
        return np.zeros(len(events.starts), dtype=bool)
    crossing = np.zeros(len(events), dtype=bool)
    crossing[1:] = (
        (events.user[1:] == events.user[:-1])
        & (events.timestamp[1:] == events.timestamp[:-1])
        & (parts[1:] != parts[:-1])
        & (parts[1:] >= VALIDATION)
    )
    return np.logical_or.reduceat(crossing, events.starts)


def _training(events: Events) -> Parts:
    return np.where(_places(events) >= HISTORY, TRAINING, CONTEXT).astype(np.int8)


def _places(events: Events) -> NDArray[np.int64]:
    return np.arange(len(events)) - np.repeat(events.starts, events.lengths)


def _summary(name: str, about: str, parts: Parts, events: Events) -> SplitSummary:
    tested = np.logical_or.reduceat(parts == TEST, events.starts)
    tied = tied_users(parts, events)[tested]
    _, training, validation, test = np.bincount(parts, minlength=4).tolist()
    share = float(tied.mean()) if len(tied) else 0.0
    users = int(tested.sum())
    return SplitSummary(name, about, training, validation, test, users, share, name in USABLE)


def _labelled(splits: Sequence[tuple[int, str | None]]) -> SplitSummary:
    """The parts in which a run classifies labelled texts: those of the source, and drawn ones where it has
    none."""
    # The seed decides which texts are drawn, not how many.
    parts = split_labelled(splits, seed=1)
    drawn = " and ".join({"valid": "validation", "test": "test"}[name] for name in parts.drawn)
    about = "as the source says of each text"
    if drawn:
        about += f"; it has none for {drawn}: a tenth of its training texts is drawn for each"
    sizes = (len(parts.training), len(parts.validation), len(parts.test))
    return SplitSummary("given", about, *sizes, users=0, tied=0.0, usable=True)
