"""What a person does with prompt templates."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from promptrec_tui.datasets.dataset import Dataset, open_dataset
from promptrec_tui.errors import UserError
from promptrec_tui.files import FileState, file_state
from promptrec_tui.prompts.template import Template, check_template, parse_template_file
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.store import templates as store
from promptrec_tui.store.models import find_model, list_models
from promptrec_tui.store.templates import TemplateRow as TemplateRow
from promptrec_tui.tasks.next_item import NextItem, next_item
from promptrec_tui.workspace.datasets import find_dataset
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "config.json")


@dataclass(frozen=True)
class Rendering:
    """One row as the model gets it: the user's last event is the completion, what came before the prompt."""

    user: str
    prompt: str
    completion: str
    prompt_token_ids: tuple[int, ...]
    completion_token_ids: tuple[int, ...]
    dropped_history: int
    context: int


def list_templates(workspace: Workspace) -> list[TemplateRow]:
    """The newest version of every template, the built-in ones first."""
    return store.list_templates(workspace.catalogue)


def find_template(workspace: Workspace, template: str) -> TemplateRow:
    """The template of that name (`name@2` for its second version) or id."""
    return store.find_template(workspace.catalogue, template)


def save_template(workspace: Workspace, path: Path) -> TemplateRow:
    """Save a template file as a new template, or as a new version of the one that has its name.

    Raises UserError when the text is wrong, or the name belongs to a built-in template.
    """
    template = parse_template_file(path)
    check_template(template)
    namesakes = [row for row in list_templates(workspace) if row.name == template.name]
    if namesakes and namesakes[0].builtin:
        raise UserError(f"{template.name!r} is a built-in template: give yours another name in {path.name}.")
    if not namesakes:
        check_name("template", template.name, [])
    return store.add_template(workspace.catalogue, template)


def as_template(row: TemplateRow) -> Template:
    """The template text of a catalogue row."""
    return Template(
        name=row.name,
        task=row.task,
        language=row.language,
        prompt=row.prompt,
        completion=row.completion,
        end_token=row.end_token,
    )


def item_fields(file: Dataset) -> list[dict[str, str]]:
    """What templates see of each item: its title and its attributes, as text."""
    return [{**item.attributes, "title": item.title} for item in file.items()]


def render_template(
    workspace: Workspace, dataset: str, template: str, user: str | None = None, model: str = "", row: int = 0
) -> Rendering:
    """The last event of a user (by key, else the one of interaction `row`) as prompt and completion.

    Uses the tokenizer of `model`, or of the first listed model. What takes long is remembered, so that only
    the first rendering of a dataset, template and model waits for it.
    Raises UserError when a name is unknown or the user has fewer than two events.
    """
    found = find_template(workspace, template)
    base = find_model(workspace.catalogue, model) if model else list_models(workspace.catalogue)[0]
    # Looked at before anything is read: what changes afterwards is seen the next time.
    sources = _sources(workspace.home.root / find_dataset(workspace, dataset).file, Path(base.folder))
    with open_dataset(sources.dataset) as file:
        key = user if user is not None else _user_of_row(file, dataset, row)
        events = file.sequence(file.user(key).user_id)
        if len(events) < 2:
            raise UserError(f"User {key!r} has {len(events)} event(s): choose one with at least two.")
    task = _task(as_template(found), sources)
    prompt, completion, tokenizer = task.prompt(events[:-1]), task.completion(events[-1]), task.tokenizer
    return Rendering(
        user=key,
        prompt=prompt.text,
        completion=tokenizer.decode(completion),
        prompt_token_ids=tuple(prompt.token_ids),
        completion_token_ids=tuple(completion),
        dropped_history=prompt.dropped,
        context=tokenizer.context,
    )


@dataclass(frozen=True)
class _Sources:
    """The files that a rendering comes from, and how they stood; None for one that is not there."""

    dataset: Path
    dataset_state: FileState | None
    model: Path
    model_states: tuple[FileState | None, ...]


def _sources(dataset: Path, model: Path) -> _Sources:
    states = tuple(file_state(model / name) for name in TOKENIZER_FILES)
    return _Sources(dataset, file_state(dataset), model, states)


# The caches hold what was read and no open file; a state in the key makes a changed file another one.


@lru_cache(maxsize=4)
def _task(template: Template, sources: _Sources) -> NextItem:
    tokenizer = _tokenizer(sources.model, sources.model_states)
    items = _items(sources.dataset, sources.dataset_state)
    return next_item(template, tokenizer, items, tokenizer.context)


@lru_cache(maxsize=2)
def _tokenizer(folder: Path, states: tuple[FileState | None, ...]) -> TextTokenizer:
    return load_tokenizer(folder)


@lru_cache(maxsize=2)
def _items(path: Path, state: FileState | None) -> list[dict[str, str]]:
    with open_dataset(path) as file:
        return item_fields(file)


def _user_of_row(file: Dataset, dataset: str, row: int) -> str:
    rows = file.rows(row, 1)
    if not rows:
        raise UserError(f"Dataset {dataset!r} has no row {row}: it has {file.counts.interactions} rows.")
    return rows[0].user
