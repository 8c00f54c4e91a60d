"""Next item: after a user's history, which item of the catalogue comes next?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.fitting import Prompt, completion_ids, fit_prompt
from promptrec_tui.prompts.sandbox import uses
from promptrec_tui.prompts.template import Template, place
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.text import clean

WINDOWS = ("anchored", "sliding")

Shots = Sequence[tuple[int, tuple[int, ...], int]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Target:
    """One question about a user: sequence[start:position] is the history, sequence[position] the answer."""

    user_id: int
    position: int
    start: int


@dataclass(frozen=True)
class Example:
    """Token ids of a prompt and its completion, end token included, and where the completion starts."""

    token_ids: tuple[int, ...]
    start: int


def window_start(position: int, max_history: int, window: str) -> int:
    """Where the history of the target at `position` begins; it has at most `max_history` items.

    "sliding": always the last `max_history`. "anchored": the start moves in steps of half of that, so that
    the prompts of neighbouring targets begin alike.
    """
    start = max(0, position - max_history)
    if window == "sliding":
        return start
    if window != "anchored":
        raise ValueError(f"window is {window!r}, not one of {WINDOWS}")
    step = max(1, max_history // 2)
    return -(-start // step) * step


def targets(user_id: int, positions: Iterable[int], max_history: int, window: str) -> list[Target]:
    """The targets of one user at `positions` of the sequence (0 = the first event)."""
    return [Target(user_id, position, window_start(position, max_history, window)) for position in positions]


@dataclass(frozen=True, eq=False)
class NextItem:
    """The task on one catalogue: item ids index `items` and `catalogue`.

    `catalogue`: each item's completion as token ids; `room`: tokens that a prompt may have, so that the
    longest completion fits behind it. `shots`: solved examples that each prompt shows, their items as fields,
    and `shown` the ids of the users whose they are. Of a draft, `refused` holds the items that cannot be
    answers, and why; they, and those that were not asked for, have no tokens in the `catalogue`.
    """

    template: Template
    tokenizer: TextTokenizer
    items: Sequence[Mapping[str, str]]
    catalogue: list[tuple[int, ...]]
    room: int
    shots: tuple[Mapping[str, Any], ...] = ()
    shown: frozenset[int] = frozenset()
    refused: Mapping[int, UserError] = field(default_factory=dict)

    def check(self) -> None:
        """Raise UserError when an item cannot be an answer, or the longest completion leaves no room."""
        for error in self.refused.values():
            raise error
        if self.room < 1:
            longest = max(range(len(self.items)), key=lambda item: len(self.catalogue[item]))
            raise UserError(
                f"{place(self.template, 'completion')}, takes {len(self.catalogue[longest])} tokens for the "
                f"item {clean(self.items[longest].get('title', ''))[:60]!r}, and the model reads "
                f"{self.room + len(self.catalogue[longest])}: shorten it."
            )

    def completion(self, item_id: int) -> tuple[int, ...]:
        """Token ids of one item as an answer, end token last. Raises UserError for one that is refused."""
        if item_id in self.refused:
            raise self.refused[item_id].with_traceback(None)
        return self.catalogue[item_id]

    def prompt(self, history_item_ids: Sequence[int]) -> Prompt:
        """The prompt after these items, oldest first; the oldest are dropped where room is short."""
        history = [self.items[item] for item in history_item_ids]
        return fit_prompt(self.template, self.tokenizer, history, self.room, self.shots)

    def droppable(self, history_item_ids: Sequence[int]) -> list[str]:
        """The titles of the items that a prompt drops where room is short, the first one first."""
        return [self.items[item]["title"] for item in history_item_ids]


class Catalogue(Protocol):
    """What a draft reads of a dataset: items, as fields and by key; the id of the item with the longest
    title; solved examples."""

    @property
    def items(self) -> Sequence[Mapping[str, str]]: ...
    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def longest(self) -> int: ...
    @property
    def shots(self) -> Shots: ...


def next_item(
    template: Template,
    tokenizer: TextTokenizer,
    items: Sequence[Mapping[str, str]],
    context: int,
    shots: Shots = (),
) -> NextItem:
    """The task for a catalogue (item id = index) and a model that reads `context` tokens.

    `shots`: (user id, history, answer) of solved examples, for a template that shows some.
    Raises UserError when there are no items, a completion has no tokens, or the longest leaves no room.
    """
    if not items:
        raise UserError("The dataset has no items: import one that has.")
    task = _opened(template, tokenizer, items, context, shots, range(len(items)))
    task.check()
    return task


def draft(
    template: Template,
    tokenizer: TextTokenizer,
    data: Catalogue,
    answers: Iterable[int] | None = None,
    progress: Progress = lambda phase, done, total: None,
) -> NextItem:
    """The task under a template that may still be wrong: a completion that fails is refused, not raised.

    Of the catalogue only `answers` are rendered, and the item with the longest title, behind which there must
    be room; all items for None. `progress` gets "titles", done and total.
    """
    wanted = range(len(data.items)) if answers is None else list(dict.fromkeys([*answers, data.longest]))
    return _opened(template, tokenizer, data.items, tokenizer.context, data.shots, wanted, progress)


def answers(task: NextItem, data: Catalogue) -> list[tuple[str, str, tuple[int, ...]]]:
    """(key, title, token ids) of each item that can be an answer."""
    rendered = zip(data.keys, task.items, task.catalogue, strict=True)
    return [(key, item["title"], ids) for key, item, ids in rendered if ids]


def _opened(
    template: Template,
    tokenizer: TextTokenizer,
    items: Sequence[Mapping[str, str]],
    context: int,
    shots: Shots,
    wanted: Sequence[int],
    progress: Progress = lambda phase, done, total: None,
) -> NextItem:
    """The task with the completions of the items `wanted`."""
    catalogue: list[tuple[int, ...]] = [()] * len(items)
    refused: dict[int, UserError] = {}
    for done, item in enumerate(wanted, 1):
        try:
            catalogue[item] = completion_ids(template, tokenizer, items[item])
        except UserError as error:
            refused[item] = error
        progress("titles", done, len(wanted))
    room = context - max((len(catalogue[item]) for item in wanted), default=0)
    if not uses(template.prompt, "shots"):
        shots = ()
    shown = frozenset(user_id for user_id, _, _ in shots)
    return NextItem(template, tokenizer, items, catalogue, room, solved(items, shots), shown, refused)


def solved(items: Sequence[Mapping[str, str]], shots: Shots) -> tuple[Mapping[str, Any], ...]:
    """What templates see of (user id, history, answer) shots: the `history` and the `item`, as fields."""
    return tuple(
        {"history": [items[item] for item in history], "item": items[answer]} for _, history, answer in shots
    )


def training_examples(task: NextItem, sequence: Sequence[int], targets: Sequence[Target]) -> list[Example]:
    """What trains `targets` of one user whose item ids are `sequence`: an example each.

    Where prompts begin alike the token tree shares it, whatever the template: that shows in the token ids.
    """
    examples = []
    for target in targets:
        prompt = task.prompt(sequence[target.start : target.position]).token_ids
        examples.append(Example(prompt + task.completion(sequence[target.position]), len(prompt)))
    return examples
