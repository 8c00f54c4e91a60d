"""A template over a whole dataset: lengths of its rows, dropped history, answers with equal first tokens."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.errors import UserError
from promptrec_tui.prompts.fitting import Prompt, frame_of
from promptrec_tui.prompts.template import check_template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.store.models import find_model, list_models
from promptrec_tui.tasks.drafts import task_module
from promptrec_tui.workspace.datasets import find_dataset
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.rows import TaskData, rows_of
from promptrec_tui.workspace.templates import find_template

Progress = Callable[[str, int, int], None]

BARS = 10
SHOWN = 5
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """An item (or label) as an answer: its key, its title, its token ids."""

    key: str
    title: str
    ids: Ids


@dataclass(frozen=True)
class Beginning:
    """A token that begins several answers: how many, and some of them."""

    token: str
    answers: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class OneAnswer:
    """Several items whose answers have the same tokens, so that the model cannot distinguish them.

    `items`: how many; `examples`: some of them, as (key, title).
    """

    items: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Audit:
    """The counts over every row; lengths are in tokens of the model's tokenizer.

    `histogram`: (upper bound, rows) of the lengths with the whole history. `refused`: rows without a valid
    prompt or completion, `reasons`: some of the error messages. `sharing`: all prompt tokens divided by those
    that remain when shared prefixes are read once. `same`: groups of items with the same answer, and
    `same_items`: the number of such items.
    """

    dataset: str
    template: str
    version: int
    model: str
    chat: bool
    rows: int
    context: int
    longest: int
    median: int
    histogram: tuple[tuple[int, int], ...]
    refused: int
    reasons: tuple[str, ...]
    losing_history: int
    dropped_items: int
    trained_share: float
    special_texts: int
    answers: int
    first_tokens: int
    collisions: tuple[Beginning, ...]
    sharing: float
    same_items: int = 0
    same: tuple[OneAnswer, ...] = ()


@dataclass
class _Tally:
    """Counts, updated row by row."""

    lengths: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    losing: int = 0
    dropped: int = 0
    trained: int = 0
    tokens: int = 0
    specials: int = 0
    prompts: int = 0
    merged: int = 0

    def count(self, prompt: Prompt, answer: Ids) -> None:
        """Count one row."""
        self.lengths[prompt.whole + len(answer)] += 1
        self.losing += prompt.dropped > 0
        self.dropped += prompt.dropped
        self.trained += len(answer)
        self.tokens += len(prompt.token_ids) + len(answer)
        self.specials += prompt.specials

    def merge(self, prompts: Sequence[Ids]) -> None:
        """Count prompts that share one tree."""
        self.prompts += sum(map(len, prompts))
        self.merged += merged_size(prompts)


def audit_template(
    workspace: Workspace, dataset: str, template: str, model: str, users: int, progress: Progress
) -> Audit:
    """Count every target of every user, or every labelled text; of a sample of `users` users only, unless 0.

    `model` is a name or id, empty for the first listed one. `progress` gets phase, done and total. Raises
    UserError when a name is unknown, the template is wrong, or the dataset has no row for the task.
    """
    row = find_template(workspace, template)
    check_template(row)
    base = find_model(workspace.catalogue, model) if model else list_models(workspace.catalogue)[0]
    data = find_dataset(workspace, dataset)
    path = workspace.home.root / data.file
    tokenizer, task, material, tally = (
        load_tokenizer(Path(base.folder)),
        task_module(row),
        TaskData(path),
        _Tally(),
    )
    frame = frame_of(row, tokenizer)
    draft = task.draft(row, tokenizer, material, progress=progress)
    with open_dataset(path) as file:
        for cases, done, total in rows_of(row.task).groups(file, users):
            prompts = []
            for case in cases:
                try:
                    answer, prompt = draft.completion(case.answer), draft.prompt(case.question)
                except UserError as error:
                    tally.reasons[str(error)] += 1
                    continue
                tally.count(prompt, answer)
                prompts.append(prompt.token_ids)
            tally.merge(prompts)
            progress("rows", done, total)
    answers = [Answer(*answer) for answer in task.answers(draft, material)]
    rows = sum(tally.lengths.values()) + sum(tally.reasons.values())
    if not rows:
        raise UserError(f"Dataset {data.name!r} has no row for the task {row.task}: choose another template.")
    groups, same = beginnings(answers, tokenizer), one_answers(answers)
    lengths = sorted(tally.lengths.elements())
    return Audit(
        dataset=data.name,
        template=row.name,
        version=row.version,
        model=base.name,
        chat=frame is not None,
        rows=rows,
        context=tokenizer.context,
        longest=lengths[-1] if lengths else 0,
        median=lengths[len(lengths) // 2] if lengths else 0,
        histogram=histogram(tally.lengths, tokenizer.context),
        refused=sum(tally.reasons.values()),
        reasons=tuple(reason for reason, _ in tally.reasons.most_common(SHOWN)),
        losing_history=tally.losing,
        dropped_items=tally.dropped,
        trained_share=tally.trained / max(1, tally.tokens),
        special_texts=tally.specials,
        answers=len(answers),
        first_tokens=len({answer.ids[0] for answer in answers}),
        collisions=groups[:SHOWN],
        sharing=tally.prompts / max(1, tally.merged),
        same_items=sum(group.items for group in same),
        same=same[:SHOWN],
    )


def merged_size(sequences: Sequence[Ids]) -> int:
    """The number of tokens of some sequences when shared prefixes are counted once."""
    size = 0
    before: Ids = ()
    for sequence in sorted(sequences):
        size += len(sequence) - shared_length(before, sequence)
        before = sequence
    return size


def shared_length(one: Ids, other: Ids) -> int:
    """The length of the common prefix of two sequences."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def histogram(lengths: Counter[int], context: int) -> tuple[tuple[int, int], ...]:
    """(upper bound, rows) of about `BARS` equal steps; one ends at `context` when rows go beyond it."""
    longest = max(lengths, default=0)
    if not longest:
        return ()
    step, parts = -(-longest // BARS), 1
    if longest > context:
        step, parts = context, max(1, round(context / step))
    counts: Counter[int] = Counter()
    for length, rows in lengths.items():
        counts[(length - 1) * parts // step + 1] += rows
    return tuple((-(-number * step // parts), counts[number]) for number in range(1, max(counts) + 1))


def beginnings(answers: Sequence[Answer], tokenizer: TextTokenizer) -> tuple[Beginning, ...]:
    """The tokens that begin more than one answer, the most frequent first; equal answers count once."""
    groups: dict[int, dict[Ids, str]] = {}
    for answer in answers:
        groups.setdefault(answer.ids[0], {}).setdefault(answer.ids, answer.title)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(
        Beginning(tokenizer.decode([token]), len(names), tuple(names.values())[:SHOWN])
        for token, names in ranked
        if len(names) > 1
    )


def one_answers(answers: Sequence[Answer]) -> tuple[OneAnswer, ...]:
    """The items that share all their tokens with others, the largest groups first."""
    groups: dict[Ids, list[tuple[str, str]]] = {}
    for answer in answers:
        groups.setdefault(answer.ids, []).append((answer.key, answer.title))
    ranked = sorted(groups.values(), key=len, reverse=True)
    return tuple(OneAnswer(len(names), tuple(names[:SHOWN])) for names in ranked if len(names) > 1)


def one_answer(examples: Iterable[Sequence[str]]) -> str:
    """Items with the same answer, named by key and title."""
    return ", ".join(f"{key} {title!r}" for key, title in examples)
