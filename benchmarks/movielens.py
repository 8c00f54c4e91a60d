"""The MovieLens folder as the benchmarks use it: its users, the task on its titles, and questions to rank."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from promptrec_tui.datasets.dataset import Item, open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.runs.spec import DataSettings
from promptrec_tui.tasks.next_item import Example, NextItem, next_item, targets, training_examples
from promptrec_tui.tuning.data import UserEvents, read_users

MOVIELENS = Path(__file__).parent.parent.parent / "shared" / "data" / "ml-latest-small"
SHORTEST, LONGEST = 200, 300
"""Tokens of a prompt: 250 ± 50."""
TITLES = 60
"""More titles than any prompt of that length contains."""


@dataclass(frozen=True)
class Films:
    """The catalogue and everyone's events."""

    items: list[Item]
    users: list[UserEvents]


@dataclass(frozen=True)
class Question:
    """Which item did `user` choose after `prompt`? Items in `seen` are excluded."""

    user: str
    prompt: tuple[int, ...]
    target: int
    seen: tuple[int, ...]

    @property
    def usual(self) -> bool:
        """Whether the prompt has the required length: some users chose too few titles."""
        return SHORTEST <= len(self.prompt) <= LONGEST


def read_films(folder: Path) -> Films:
    """Import the folder, as the program does, and read it back."""
    with TemporaryDirectory() as place:
        target = Path(place) / "films.sqlite"
        import_dataset(folder, target, ImportOptions())
        with open_dataset(target) as dataset:
            return Films(dataset.items(), read_users(dataset, DataSettings()))


def film_task(films: Films, model_folder: Path, template: str = "list") -> NextItem:
    """The next-item task with a built-in template and the model's tokenizer."""
    chosen = next(each for each in builtin_templates() if each.name == template)
    tokenizer = load_tokenizer(model_folder)
    items = [{**item.attributes, "title": item.title} for item in films.items]
    return next_item(chosen, tokenizer, items, tokenizer.context)


def questions(task: NextItem, films: Films) -> list[Question]:
    """Every user's last event, asked after a prompt of up to 225 to 300 tokens, as the user's number says."""
    return [_question(task, user) for user in films.users if user.split]


def _question(task: NextItem, user: UserEvents) -> Question:
    assert user.split
    past, target = user.sequence[: user.split.test], user.sequence[user.split.test]
    goal = LONGEST - user.user_id * 31 % 76
    newest = past[-TITLES:]

    def tokens(count: int) -> int:
        return len(task.prompt(newest[-count:]).token_ids)

    count = max(1, bisect_right(range(1, len(newest) + 1), goal, key=tokens))
    seen = tuple(sorted(set(past) - {target}))
    return Question(user.key, task.prompt(newest[-count:]).token_ids, target, seen)


def spread(population: Sequence[Question], count: int) -> list[Question]:
    """`count` items, evenly spaced from first to last."""
    count = min(count, len(population))
    return [population[(2 * place + 1) * len(population) // (2 * count)] for place in range(count)]


def target_groups(task: NextItem, films: Films, users: int) -> list[list[Example]]:
    """All training targets of some users, from those with few events to those with many: a group for each
    window of a history, as a run's trees have them."""
    settings = DataSettings()
    able = sorted((user for user in films.users if user.split), key=lambda user: len(user.sequence))
    chosen = [able[(2 * place + 1) * len(able) // (2 * users)] for place in range(users)]
    groups = []
    for user in chosen:
        assert user.split
        wanted = targets(user.user_id, user.split.training, settings.max_history, settings.window)
        for _, group in groupby(wanted, key=lambda target: target.start):
            groups.append(training_examples(task, user.sequence, list(group)))
    return groups


def single_targets(task: NextItem, films: Films, users: int) -> list[list[Example]]:
    """The last training target of each of the first users: groups of one, so that no prefix is shared."""
    settings = DataSettings()
    able = [user for user in films.users if user.split and user.split.training][:users]
    groups = []
    for user in able:
        assert user.split
        last = targets(user.user_id, user.split.training[-1:], settings.max_history, settings.window)
        groups.append(training_examples(task, user.sequence, last))
    return groups


def first(groups: Sequence[Sequence[Example]], count: int) -> list[list[Example]]:
    """The first `count` examples, in their groups."""
    chosen: list[list[Example]] = []
    for group in groups:
        left = count - sum(map(len, chosen))
        if left > 0:
            chosen.append(list(group[:left]))
    return chosen
