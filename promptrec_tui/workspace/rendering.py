"""One row rendered under a template, saved or being edited."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.files import FileState, file_state
from promptrec_tui.prompts.fitting import frame_of
from promptrec_tui.prompts.template import Template, check_template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.store.models import find_model, list_models
from promptrec_tui.tasks.defaults import case_noun
from promptrec_tui.tasks.drafts import TASKS, Draft, task_module
from promptrec_tui.workspace.datasets import find_dataset, list_datasets
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.rows import Case, TaskData, rows_of
from promptrec_tui.workspace.templates import as_template, find_template

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Rendering:
    """One rendered row: the validation target is the completion, the history before it is in the prompt.

    `user` is a key, or the number of a labelled text; `chat`: whether it is a conversation; `dropped_titles`:
    the items (or solved examples) left out for length; `special_texts`: how often the data contain the text
    of a special token; `older`: events before the history window of a run's prompts (`data.max_history`);
    `row` is "text" for a labelled text.
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

    Test targets are for the report only: a template must not be written with knowledge of them. Of a labelled
    dataset it is the text of number `user`, else `row`, else the first outside the test split. Uses the
    tokenizer of `model`, or of the first listed model. Slow parts are cached, so that only the first
    rendering of a dataset, template and model waits for them. Raises UserError when a name is unknown or the
    user has fewer than two events.
    """
    text = as_template(find_template(workspace, template))
    sources = _sources(workspace, dataset, model)
    case = _case(sources, text.task, user, row)
    return _rendering(text, sources, case, _whole(text, sources))


def render_draft(
    workspace: Workspace, dataset: str, template: Template, user: str | None = None, model: str = ""
) -> Rendering:
    """`render_template` for a template that is being edited, fast enough for every keystroke.

    Instead of the whole catalogue it renders two answers: the row's own, and the one with the longest title,
    which must fit the context. Raises UserError with part, line and column as soon as the template is wrong.
    """
    check_template(template)
    sources = _sources(workspace, dataset, model)
    case = _case(sources, template.task, user, None)
    draft = _draft(template, sources, [case.answer])
    return _rendering(template, sources, case, draft)


def neighbour(workspace: Workspace, dataset: str, task: str, user: str | None, by: int) -> str | None:
    """The row `by` rows after `user` (None: before the first): the key of a user, the number of a labelled
    text, or None when there is no such row."""
    with open_dataset(workspace.home.root / find_dataset(workspace, dataset).file) as file:
        return rows_of(task).step(file, user, by)


def datasets_by_task(workspace: Workspace) -> dict[str, list[str]]:
    """The ids of the datasets that have rows for a task, by task."""
    datasets = list_datasets(workspace)
    return {task: [row.id for row in datasets if rows_of(task).count(row)] for task in TASKS}


def _rendering(template: Template, sources: "_Sources", case: Case, draft: Draft) -> Rendering:
    tokenizer = _tokenizer(sources.model, sources.model_states)
    prompt, completion = draft.prompt(case.question), draft.completion(case.answer)
    return Rendering(
        user=case.key,
        prompt=prompt.text,
        completion=tokenizer.decode(completion),
        prompt_token_ids=prompt.token_ids,
        completion_token_ids=completion,
        dropped_history=prompt.dropped,
        context=tokenizer.context,
        chat=frame_of(template, tokenizer) is not None,
        dropped_titles=tuple(draft.droppable(case.question)[: prompt.dropped]),
        special_texts=prompt.specials,
        older=case.older,
        row=case_noun(template.task),
    )


def _case(sources: "_Sources", task: str, user: str | None, row: int | None) -> Case:
    with open_dataset(sources.dataset) as file:
        return rows_of(task).find(file, user, row)


@dataclass(frozen=True)
class _Sources:
    """The state of the files that a rendering depends on; None for a missing file."""

    dataset: Path
    dataset_state: FileState | None
    model: Path
    model_states: tuple[FileState | None, ...]


def _sources(workspace: Workspace, dataset: str, model: str) -> _Sources:
    base = find_model(workspace.catalogue, model) if model else list_models(workspace.catalogue)[0]
    # Taken before anything is read, so that a later change is noticed the next time.
    path, folder = workspace.home.root / find_dataset(workspace, dataset).file, Path(base.folder)
    states = tuple(file_state(folder / name) for name in TOKENIZER_FILES)
    return _Sources(path, file_state(path), folder, states)


# The caches hold contents, not open files; the file state is part of the key, so changed files are read
# again.


@lru_cache(maxsize=4)
def _whole(template: Template, sources: _Sources) -> Draft:
    return _draft(template, sources, None)


def _draft(template: Template, sources: _Sources, answers: Iterable[Any] | None) -> Draft:
    tokenizer = _tokenizer(sources.model, sources.model_states)
    data = _data(sources.dataset, sources.dataset_state)
    draft = task_module(template).draft(template, tokenizer, data, answers)
    draft.check()
    return draft


@lru_cache(maxsize=2)
def _tokenizer(folder: Path, states: tuple[FileState | None, ...]) -> TextTokenizer:
    return load_tokenizer(folder)


@lru_cache(maxsize=2)
def _data(path: Path, state: FileState | None) -> TaskData:
    return TaskData(path)
