"""The dataset and the task of a run, opened and checked against the spec."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import overload

from promptrec_tui.datasets.dataset import Dataset, Item, open_dataset
from promptrec_tui.datasets.shots import draw_shots
from promptrec_tui.datasets.splits import Split, leave_one_out
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file
from promptrec_tui.home import Home
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.runs.spec import DataSettings, RunSpec
from promptrec_tui.tasks.next_item import (
    NextItem,
    next_item,
    targets,
    training_examples,
    window_start,
)
from promptrec_tui.tokentree.choices import Choices
from promptrec_tui.tokentree.tree import Tree, merge
from promptrec_tui.tuning.ranking import Case


@dataclass(frozen=True)
class UserEvents:
    """A user's item ids, oldest first, and which of them are targets; no `split` for fewer than 3 events."""

    user_id: int
    key: str
    sequence: list[int]
    split: Split | None


def checked_dataset(home: Home, spec: RunSpec) -> Dataset:
    """The run's dataset, open. Raises UserError when it is missing, or another one than the run's."""
    path = home.root / spec.dataset.file
    dataset = open_dataset(path)
    if sha256_file(path) != spec.dataset.sha256:
        dataset.close()
        raise UserError(f"{path} is not the dataset that this run was made for: import the data again.")
    return dataset


def open_task(spec: RunSpec, dataset: Dataset, items: Iterable[Item]) -> NextItem:
    """The run's task on the `items` of its dataset.

    Raises UserError when template, model and items do not go together.
    """
    tokenizer = load_tokenizer(Path(spec.model.folder))
    shots = draw_shots(dataset, spec.settings.data.tie_rule)
    return next_item(
        spec.template,
        tokenizer,
        [item.texts for item in items],
        tokenizer.context - spec.settings.tuning.virtual_tokens,
        shots,
    )


def read_users(
    dataset: Dataset, settings: DataSettings, progress: Callable[[int, int], None] = lambda done, users: None
) -> list[UserEvents]:
    """Every user with the events that the settings' order and split give; calls `progress(done, users)`."""
    keys = {user.user_id: user.key for user in dataset.users(limit=dataset.counts.users)}
    events: list[UserEvents] = []
    for user_id, sequence in dataset.sequences(settings.tie_rule):
        progress(len(events), len(keys))
        events.append(UserEvents(user_id, keys[user_id], sequence, leave_one_out(sequence)))
    progress(len(events), len(keys))
    return events


class TrainingTrees(Sequence[Tree]):
    """The trees of all training targets, without users whose events are shown as solved examples in prompts.

    Their number and `sizes` follow from positions alone; a tree's prompts are rendered when a step first
    needs it, so that a run renders only what it trains on.
    """

    def __init__(
        self,
        task: NextItem,
        users: Sequence[UserEvents],
        settings: DataSettings,
        choices: Choices | None = None,
    ) -> None:
        """With `choices` answers are trained as such: see `Choices.tree`."""
        self._task = task
        self._choices = choices
        self._settings = settings
        self._groups = [
            (user, group)
            for user in users
            if user.split and user.user_id not in task.shown
            for group in _windows(user.split.training, settings)
        ]
        self._made: dict[int, Tree] = {}
        self.sizes = [len(group) for _, group in self._groups]
        """Targets of each tree."""

    def __len__(self) -> int:
        return len(self._groups)

    @overload
    def __getitem__(self, index: int) -> Tree: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tree]: ...
    def __getitem__(self, index: int | slice) -> Tree | Sequence[Tree]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        if place not in self._made:
            user, group = self._groups[place]
            self._made[place] = _tree(self._task, user, group, self._settings, self._choices)
        return self._made[place]


def trees_at(
    task: NextItem,
    user: UserEvents,
    positions: Iterable[int],
    settings: DataSettings,
    choices: Choices | None = None,
) -> list[Tree]:
    """The trees that train one user's targets at `positions`: one for each window of the history, since
    prompts of one window begin alike."""
    return [_tree(task, user, group, settings, choices) for group in _windows(positions, settings)]


def _windows(positions: Iterable[int], settings: DataSettings) -> list[list[int]]:
    """The `positions`, those of one window of the history together."""
    length, window = settings.max_history, settings.window
    starts = groupby(positions, key=lambda position: window_start(position, length, window))
    return [list(group) for _, group in starts]


def _tree(
    task: NextItem,
    user: UserEvents,
    positions: Sequence[int],
    settings: DataSettings,
    choices: Choices | None,
) -> Tree:
    wanted = targets(user.user_id, positions, settings.max_history, settings.window)
    examples = training_examples(task, user.sequence, wanted)
    if choices:
        prompts = [example.token_ids[: example.start] for example in examples]
        return choices.tree(prompts, [user.sequence[position] for position in positions])
    return merge([example.token_ids for example in examples], [example.start for example in examples])


def case_at(user: UserEvents, position: int, settings: DataSettings) -> Case:
    """The case that asks a ranker for the event at `position`, given the events before it."""
    start = window_start(position, settings.max_history, settings.window)
    return Case(user.key, tuple(user.sequence[:position]), start, user.sequence[position])
