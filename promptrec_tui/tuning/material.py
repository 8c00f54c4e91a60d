"""What a run works on: its dataset and task, opened and checked as the spec names them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from promptrec_tui.datasets.dataset import Dataset, Item, open_dataset
from promptrec_tui.datasets.shots import draw_shots
from promptrec_tui.datasets.splits import Split, leave_one_out
from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_file
from promptrec_tui.home import Home
from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.runs.spec import DataSettings, RunSpec
from promptrec_tui.tasks.next_item import (
    NextItem,
    next_item,
    targets,
    training_examples,
    window_start,
)
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
    """The run's dataset, open. Raises UserError when it is gone, or not the one that the run was made for."""
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
    reference = spec.template
    template = Template(
        name=reference.name,
        task=reference.task,
        language=reference.language,
        prompt=reference.prompt,
        completion=reference.completion,
        end_token=reference.end_token,
        wrap=reference.wrap,
        system=reference.system,
        verbalizers=tuple(reference.verbalizers.items()),
    )
    tokenizer = load_tokenizer(Path(spec.model.folder))
    fields = [{**item.attributes, "title": item.title} for item in items]
    shots = draw_shots(dataset, spec.settings.data.tie_rule)
    return next_item(template, tokenizer, fields, tokenizer.context, shots)


def read_users(dataset: Dataset, settings: DataSettings) -> list[UserEvents]:
    """Every user with the events that the settings' order and split give."""
    keys = {user.user_id: user.key for user in dataset.users(limit=dataset.counts.users)}
    return [
        UserEvents(user_id, keys[user_id], sequence, leave_one_out(sequence))
        for user_id, sequence in dataset.sequences(settings.tie_rule)
    ]


def training_trees(
    task: NextItem,
    users: Sequence[UserEvents],
    settings: DataSettings,
    progress: Callable[[int, int], None] = lambda done, users: None,
) -> list[Tree]:
    """The trees that train every training target of every user whose events no prompt shows as solved.

    Calls `progress(done, users)` after each user.
    """
    found = []
    for done, user in enumerate(users, 1):
        if user.split and user.user_id not in task.shown:
            found += trees_at(task, user, user.split.training, settings)
        progress(done, len(users))
    return found


def trees_at(
    task: NextItem, user: UserEvents, positions: Iterable[int], settings: DataSettings
) -> list[Tree]:
    """The trees that train one user's targets at `positions`: one for each window of the history, since
    prompts of one window begin alike."""
    wanted = targets(user.user_id, positions, settings.max_history, settings.window)
    found = []
    for _, group in groupby(wanted, key=lambda target: target.start):
        examples = training_examples(task, user.sequence, list(group))
        found.append(
            merge([example.token_ids for example in examples], [example.start for example in examples])
        )
    return found


def case_at(user: UserEvents, position: int, settings: DataSettings) -> Case:
    """The question whether a ranker finds the event at `position` from those before it."""
    start = window_start(position, settings.max_history, settings.window)
    return Case(user.key, tuple(user.sequence[:position]), start, user.sequence[position])
