"""One row as a model gets it under a template, saved or still being written."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from promptrec_tui.datasets.dataset import Dataset, Example, open_dataset
from promptrec_tui.datasets.shots import Shot, draw_shots
from promptrec_tui.datasets.splits import leave_one_out, split_of
from promptrec_tui.errors import UserError
from promptrec_tui.files import FileState, file_state
from promptrec_tui.prompts.fitting import Prompt, completion_ids, fit_prompt, frame_of
from promptrec_tui.prompts.template import Template, check_template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.runs.spec import DataSettings
from promptrec_tui.store.models import find_model, list_models
from promptrec_tui.tasks.classify import Classify, classify
from promptrec_tui.tasks.next_item import NextItem, next_item, solved, window_start
from promptrec_tui.workspace.datasets import find_dataset
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.templates import as_template, find_template

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Rendering:
    """One row as the model gets it: the validation target is the completion, what came before it the prompt.

    `user` is a key, or the number of a labelled text; `chat`: is it a conversation? `dropped_titles`: the
    items (or solved examples) left out for length; `special_texts`: how often the data spell a special token;
    `older`: events before the window that a run's prompts show (`data.max_history`); `row` is "text" for a
    labelled one.
    """

    user: str
    prompt: str
    completion: str
    prompt_token_ids: tuple[int, ...]
    completion_token_ids: tuple[int, ...]
    dropped_history: int
    context: int
    chat: bool = False
    dropped_titles: tuple[str, ...] = ()
    special_texts: int = 0
    older: int = 0
    row: str = "user"


def render_template(
    workspace: Workspace,
    dataset: str,
    template: str,
    user: str | None = None,
    model: str = "",
    row: int | None = None,
) -> Rendering:
    """The validation target of a user (by key, else the one of interaction `row`) as prompt and completion.

    Test targets are for the report alone: who wrote a template by them would have seen the answers. Of a
    labelled dataset it is the text of number `user`, else `row`, else the first outside the test split. Uses
    the tokenizer of `model`, or of the first listed model. What takes long is remembered, so that only the
    first rendering of a dataset, template and model waits for it.
    Raises UserError when a name is unknown or the user has fewer than two events.
    """
    found = as_template(find_template(workspace, template))
    sources = _sources(workspace, dataset, model)
    if found.task == "classify":
        return _labelled(found, sources, user, row)
    key, events, older = _user(sources, dataset, user, row or 0)
    task = _task(found, sources)
    prompt, completion = task.prompt(events[:-1]), task.completion(events[-1])
    titles = [task.items[item]["title"] for item in events[:-1]]
    return replace(_rendering(found, sources, key, prompt, completion, titles), older=older)


def render_draft(
    workspace: Workspace, dataset: str, template: Template, user: str | None = None, model: str = ""
) -> Rendering:
    """`render_template` for a template that is being written, fast enough for every keystroke.

    Instead of the whole catalogue it renders two answers: the row's own, and the one with the longest title,
    behind which there must be room.
    Raises UserError with part, line and column as soon as the template is wrong.
    """
    check_template(template)
    sources = _sources(workspace, dataset, model)
    if template.task == "classify":
        return _labelled(template, sources, user, None)
    key, events, older = _user(sources, dataset, user, 0)
    tokenizer = _tokenizer(sources.model, sources.model_states)
    items = _items(sources.dataset, sources.dataset_state)
    completion = completion_ids(template, tokenizer, items[events[-1]])
    longest = completion_ids(template, tokenizer, items[_longest(sources.dataset, sources.dataset_state)])
    room = tokenizer.context - max(len(completion), len(longest))
    history = [items[item] for item in events[:-1]]
    shots = solved(items, _shots(sources.dataset, sources.dataset_state))
    prompt = fit_prompt(template, tokenizer, history, room, shots)
    titles = [item["title"] for item in history]
    return replace(_rendering(template, sources, key, prompt, completion, titles), older=older)


def neighbour(workspace: Workspace, dataset: str, task: str, user: str | None, by: int) -> str | None:
    """The row that stands `by` rows after `user` (None: before the first): the key of a user, or the number
    of a labelled text; None where there is none."""
    with open_dataset(workspace.home.root / find_dataset(workspace, dataset).file) as file:
        if task == "classify":
            number = int(user) if user is not None and user.isdecimal() else -1
            places = [place for place, example in enumerate(file.examples()) if not _is_test(example)]
            here = bisect_left(places, number)
            # From a test text, or from before the first, the next one is already one step away.
            step = here + by - (by > 0 and number not in places[here : here + 1])
            return str(places[step]) if 0 <= step < len(places) else None
        try:
            here = file.user(user).user_id if user is not None else -by
            return file.user_at(max(0, here + by)).key
        except (IndexError, UserError):
            return None


def item_fields(file: Dataset) -> list[dict[str, str]]:
    """What templates see of each item: its title and its attributes, as text."""
    return [{**item.attributes, "title": item.title} for item in file.items()]


def training_examples(examples: Sequence[Example]) -> list[tuple[dict[str, str], str]]:
    """The labelled texts that may be learnt from, as (fields, label): of the training split where there is
    one, else all."""
    return [
        (example.texts, example.label)
        for example in examples
        if example.label is not None and split_of(example.split or "") not in ("valid", "test")
    ]


def _rendering(
    template: Template,
    sources: "_Sources",
    user: str,
    prompt: Prompt,
    completion: tuple[int, ...],
    titles: Sequence[str],
) -> Rendering:
    tokenizer = _tokenizer(sources.model, sources.model_states)
    return Rendering(
        user=user,
        prompt=prompt.text,
        completion=tokenizer.decode(completion),
        prompt_token_ids=prompt.token_ids,
        completion_token_ids=completion,
        dropped_history=prompt.dropped,
        context=tokenizer.context,
        chat=frame_of(template, tokenizer) is not None,
        dropped_titles=tuple(titles[: prompt.dropped]),
        special_texts=prompt.specials,
    )


def _labelled(template: Template, sources: "_Sources", user: str | None, row: int | None) -> Rendering:
    number = int(user) if user is not None and user.isdecimal() else row
    with open_dataset(sources.dataset) as file:
        count = file.counts.examples
        if number is None:
            open_ones = (place for place, example in enumerate(file.examples()) if not _is_test(example))
            number = next(open_ones, 0)
        example = next(islice(file.examples(), number, None), None)
    if not count:
        raise UserError("The dataset has no labelled texts: choose a template for next_item, or other data.")
    if example is None:
        raise UserError(f"There is no text {number}: the dataset has {count}, the first is 0.")
    task = _classify(template, sources)
    prompt = task.prompt(example.texts)
    completion = task.completion(example.label) if example.label is not None else ()
    shots = [" ".join(map(str, shot.values())) for shot in task.shots]
    return replace(_rendering(template, sources, str(number), prompt, completion, shots), row="text")


def _is_test(example: Example) -> bool:
    return split_of(example.split or "") == "test"


def _user(sources: "_Sources", dataset: str, user: str | None, row: int) -> tuple[str, list[int], int]:
    """A user's key, the window of events that ends with the validation target, and how many are older."""
    with open_dataset(sources.dataset) as file:
        if not file.counts.users:
            raise UserError("The dataset has no users: choose a template for classify, or other data.")
        key = user if user is not None else _user_of_row(file, dataset, row)
        events = file.sequence(file.user(key).user_id)
    if len(events) < 2:
        raise UserError(f"User {key!r} has {len(events)} event(s): choose one with at least two.")
    # Of two events none is a target of any split.
    split = leave_one_out(events)
    target = split.validation if split else len(events) - 1
    settings = DataSettings()
    start = window_start(target, settings.max_history, settings.window)
    return key, events[start : target + 1], start


def _user_of_row(file: Dataset, dataset: str, row: int) -> str:
    rows = file.rows(row, 1)
    if not rows:
        raise UserError(f"Dataset {dataset!r} has no row {row}: it has {file.counts.interactions} rows.")
    return rows[0].user


@dataclass(frozen=True)
class _Sources:
    """The files that a rendering comes from, and how they stood; None for one that is not there."""

    dataset: Path
    dataset_state: FileState | None
    model: Path
    model_states: tuple[FileState | None, ...]


def _sources(workspace: Workspace, dataset: str, model: str) -> _Sources:
    base = find_model(workspace.catalogue, model) if model else list_models(workspace.catalogue)[0]
    # Looked at before anything is read: what changes afterwards is seen the next time.
    path, folder = workspace.home.root / find_dataset(workspace, dataset).file, Path(base.folder)
    states = tuple(file_state(folder / name) for name in TOKENIZER_FILES)
    return _Sources(path, file_state(path), folder, states)


# The caches hold what was read and no open file; a state in the key makes a changed file another one.


@lru_cache(maxsize=4)
def _task(template: Template, sources: _Sources) -> NextItem:
    tokenizer = _tokenizer(sources.model, sources.model_states)
    items = _items(sources.dataset, sources.dataset_state)
    shots = _shots(sources.dataset, sources.dataset_state)
    return next_item(template, tokenizer, items, tokenizer.context, shots)


@lru_cache(maxsize=4)
def _classify(template: Template, sources: _Sources) -> Classify:
    tokenizer = _tokenizer(sources.model, sources.model_states)
    training = _training(sources.dataset, sources.dataset_state)
    return classify(template, tokenizer, training, tokenizer.context)


@lru_cache(maxsize=2)
def _tokenizer(folder: Path, states: tuple[FileState | None, ...]) -> TextTokenizer:
    return load_tokenizer(folder)


@lru_cache(maxsize=2)
def _items(path: Path, state: FileState | None) -> list[dict[str, str]]:
    with open_dataset(path) as file:
        return item_fields(file)


@lru_cache(maxsize=2)
def _shots(path: Path, state: FileState | None) -> list[Shot]:
    with open_dataset(path) as file:
        return draw_shots(file, DataSettings().tie_rule)


@lru_cache(maxsize=2)
def _longest(path: Path, state: FileState | None) -> int:
    items = _items(path, state)
    return max(range(len(items)), key=lambda item: len(items[item]["title"]))


@lru_cache(maxsize=2)
def _training(path: Path, state: FileState | None) -> list[tuple[dict[str, str], str]]:
    with open_dataset(path) as file:
        return training_examples(list(file.examples()))
