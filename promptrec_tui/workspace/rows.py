"""The rows of a dataset that templates are rendered for: targets of users, or labelled texts."""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.dataset import Dataset, Example, open_dataset
from promptrec_tui.datasets.shots import Shot, draw_shots
from promptrec_tui.datasets.splits import leave_one_out, split_of
from promptrec_tui.errors import UserError
from promptrec_tui.runs.spec import DataSettings
from promptrec_tui.store.datasets import DatasetRow
from promptrec_tui.tasks.defaults import case_noun
from promptrec_tui.tasks.next_item import window_start

CHUNK = 256
"""Labelled texts among which shared prefixes are counted: about as many as one training step merges."""

SETTINGS = DataSettings()


@dataclass(frozen=True)
class Case:
    """One row of a task: item ids of a history and a target, or fields of a text and its label.

    `key`: key of the user, or number of the text; `older`: number of the user's events before the history.
    """

    key: str
    question: Any
    answer: Any
    older: int = 0


@dataclass(frozen=True)
class Rows:
    """How one kind of row is read.

    `find`: the row of a key, else of a row number, else the first; raises UserError where there is none.
    `step`: the key that stands so many rows after a key (None: before the first), None where there is none.
    `groups`: all rows, as (rows whose prompts are read together, done, total); of so many drawn users, unless
    0. `count`: how many a dataset has; `noun`: what they are made of.
    """

    find: Callable[[Dataset, str | None, int | None], Case]
    step: Callable[[Dataset, str | None, int], str | None]
    groups: Callable[[Dataset, int], Iterator[tuple[list[Case], int, int]]]
    count: Callable[[DatasetRow], int]
    noun: str


class TaskData:
    """The parts of a dataset file that tasks need; each is read at its first use, and no file stays open."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def items(self) -> list[dict[str, str]]:
        """The fields of each item that templates can use."""
        with open_dataset(self._path) as file:
            return [item.texts for item in file.items()]

    @cached_property
    def keys(self) -> list[str]:
        """The key of each item."""
        with open_dataset(self._path) as file:
            return [item.key for item in file.items()]

    @cached_property
    def longest(self) -> int:
        """The id of the item with the longest title."""
        return max(range(len(self.items)), key=lambda item: len(self.items[item]["title"]))

    @cached_property
    def shots(self) -> list[Shot]:
        """Solved examples of users."""
        with open_dataset(self._path) as file:
            return draw_shots(file, SETTINGS.tie_rule)

    @cached_property
    def training(self) -> list[tuple[dict[str, str], str]]:
        """The labelled texts outside the validation and test splits, as (fields, label)."""
        with open_dataset(self._path) as file:
            return [
                (example.texts, example.label)
                for example in file.examples()
                if example.label is not None and split_of(example.split or "") not in ("valid", "test")
            ]


def rows_of(task: str) -> Rows:
    """The kind of row of a task."""
    return ROWS[case_noun(task)]


def _find_user(file: Dataset, key: str | None, number: int | None) -> Case:
    """The validation target of a user; for a user with two events, who has no split, the last event."""
    if not file.counts.users:
        raise UserError("The dataset has no users: choose a template for classify, or other data.")
    if key is None:
        rows = file.rows(number or 0, 1)
        if not rows:
            raise UserError(f"There is no row {number}: the dataset has {file.counts.interactions} rows.")
        key = rows[0].user
    events = file.sequence(file.user(key).user_id)
    if len(events) < 2:
        raise UserError(f"User {key!r} has {len(events)} event(s): choose one with at least two.")
    split = leave_one_out(events)
    return _target(key, events, split.validation if split else len(events) - 1)


def _step_user(file: Dataset, key: str | None, by: int) -> str | None:
    try:
        here = file.user(key).user_id if key is not None else -by
        return file.user_at(max(0, here + by)).key
    except (IndexError, UserError):
        return None


def _user_groups(file: Dataset, wanted: int) -> Iterator[tuple[list[Case], int, int]]:
    """The targets of each user; `wanted`: the size of a sample, which is always the same users."""
    count = file.counts.users
    drawn = 0 < wanted < count
    chosen = frozenset(random.Random(1).sample(range(count), wanted)) if drawn else range(count)
    done = 0
    for user_id, events in file.sequences(SETTINGS.tie_rule):
        split = leave_one_out(events)
        if split is not None and user_id in chosen:
            done += 1
            positions = (*split.training, split.validation, split.test)
            yield [_target("", events, position) for position in positions], done, len(chosen)


def _target(key: str, events: list[int], position: int) -> Case:
    start = window_start(position, SETTINGS.max_history, SETTINGS.window)
    return Case(key, events[start:position], events[position], start)


def _find_text(file: Dataset, key: str | None, number: int | None) -> Case:
    if key is not None and key.isdecimal():
        number = int(key)
    if number is None:
        number = next((place for place, example in enumerate(file.examples()) if not _is_test(example)), 0)
    example = next(islice(file.examples(), number, None), None)
    if not file.counts.examples:
        raise UserError("The dataset has no labelled texts: choose a template for next_item, or other data.")
    if example is None:
        raise UserError(f"There is no text {number}: the dataset has {file.counts.examples}, the first is 0.")
    return Case(str(number), example.texts, example.label)


def _step_text(file: Dataset, key: str | None, by: int) -> str | None:
    number = int(key) if key is not None and key.isdecimal() else -1
    places = [place for place, example in enumerate(file.examples()) if not _is_test(example)]
    here = bisect_left(places, number)
    # From a test text, or from before the first, the next one counts as one step.
    step = here + by - (by > 0 and number not in places[here : here + 1])
    return str(places[step]) if 0 <= step < len(places) else None


def _text_groups(file: Dataset, users: int) -> Iterator[tuple[list[Case], int, int]]:
    cases = [Case(str(number), text.texts, text.label) for number, text in enumerate(file.examples())]
    for start in range(0, len(cases), CHUNK):
        yield cases[start : start + CHUNK], min(start + CHUNK, len(cases)), len(cases)


def _is_test(example: Example) -> bool:
    """The row numbers outside the test split: a template must not be written with knowledge of test rows."""
    return split_of(example.split or "") == "test"


ROWS = {
    "user": Rows(_find_user, _step_user, _user_groups, lambda dataset: dataset.users, "interactions"),
    "text": Rows(_find_text, _step_text, _text_groups, lambda dataset: dataset.examples, "labelled texts"),
}
"""The kinds of rows, by the noun of a case."""
