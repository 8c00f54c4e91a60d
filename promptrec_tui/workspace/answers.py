"""Checks before a run is queued: can the model score every title, and does a prompt fit beside it?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptrec_tui.datasets.dataset import Dataset, open_dataset
from promptrec_tui.datasets.shots import draw_shots
from promptrec_tui.datasets.splits import leave_one_out
from promptrec_tui.errors import UserError
from promptrec_tui.prompts.fitting import completion_ids, fit_prompt, frame_of
from promptrec_tui.prompts.sandbox import uses
from promptrec_tui.prompts.template import VARIABLES, Template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.next_item import solved
from promptrec_tui.text import clean
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.templates import as_template, find_template

LONGEST = 3
"""Number of items whose prompts are tried: those with the longest titles and with the longest fields."""

Items = Sequence[Mapping[str, str]]


def check_answers(workspace: Workspace, spec: RunSpec) -> None:
    """Raise UserError when a run would fail during preparation; names the title if one is the cause.

    Tokenises the catalogue once: about a second for 10,000 titles.
    """
    if "item" not in VARIABLES[spec.task]["completion"]:
        return
    template = as_template(find_template(workspace, spec.template.id))
    tokenizer = load_tokenizer(Path(spec.model.folder))
    if frame_of(template, tokenizer) is None:
        tokenizer.end_ids(template.end_token)
    with open_dataset(workspace.home.root / spec.dataset.file) as file:
        listed = file.items()
        items, keys = [item.texts for item in listed], [item.key for item in listed]
        lengths = [
            _answer_length(template, tokenizer, item, key) for item, key in zip(items, keys, strict=True)
        ]
        if lengths:
            _check_room(file, spec, template, tokenizer, items, keys, lengths)


def _answer_length(template: Template, tokenizer: TextTokenizer, item: Mapping[str, str], key: str) -> int:
    try:
        ids = completion_ids(template, tokenizer, item)
    except UserError as error:
        raise UserError(f"Item {clean(key)!r} cannot be an answer. {error}{_way_out(item)}") from error
    unknown = tokenizer.unknown_id
    if unknown is not None and all(token == unknown for token in ids[:-1]):
        raise UserError(
            f"Item {clean(key)!r} cannot be an answer. Its title {clean(item['title'])[:60]!r} is only "
            "unknown tokens for this model: choose a model whose tokenizer can spell it, or correct the "
            "title in the source and import again."
        )
    return len(ids)


def _way_out(item: Mapping[str, str]) -> str:
    if item["title"].strip():
        return ""
    return " Items without a title are left out by the cleaning step untitled=drop."


def _check_room(
    file: Dataset,
    spec: RunSpec,
    template: Template,
    tokenizer: TextTokenizer,
    items: Items,
    keys: Sequence[str],
    lengths: Sequence[int],
) -> None:
    """Raise UserError when the longest title leaves no room for a prompt with one history item."""
    longest = max(range(len(items)), key=lengths.__getitem__)
    room = tokenizer.context - lengths[longest]
    shots: Sequence[Mapping[str, Any]] = ()
    if uses(template.prompt, "shots"):
        shots = solved(items, draw_shots(file, spec.settings.data.tie_rule))
    by_title = sorted(range(len(items)), key=lambda item: -lengths[item])[:LONGEST]
    by_fields = sorted(range(len(items)), key=lambda item: -sum(map(len, items[item].values())))[:LONGEST]
    for item in dict.fromkeys([*by_title, *by_fields]):
        try:
            fit_prompt(template, tokenizer, [items[item]], max(room, 0), shots)
        except UserError as error:
            if room > 0 and not _is_newest(file, spec, item):
                continue
            raise UserError(
                f"The title of item {clean(keys[longest])!r}, {clean(items[longest]['title'])[:60]!r}, takes "
                f"{lengths[longest]:,} of the {tokenizer.context:,} tokens that the model reads, so that the "
                f"prompt after item {clean(keys[item])!r} does not fit beside it: write "
                "{{ item.title | truncate(100, true) }} in prompt and completion of the template, or choose "
                "a model with a longer context."
            ) from error


def _is_newest(file: Dataset, spec: RunSpec, item: int) -> bool:
    """Whether a target directly follows `item`, so that a prompt must contain it."""
    return any(
        leave_one_out(sequence) and item in sequence[:-1]
        for _, sequence in file.sequences(spec.settings.data.tie_rule)
    )
