"""Classify: which of some labels does a text have?"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.fitting import Prompt, answer_ids, fit
from promptrec_tui.prompts.rendering import render
from promptrec_tui.prompts.template import Template, place
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.text import clean

SHOTS = 8
"""How many solved examples a template may show."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Classify:
    """The task on one labelled dataset.

    `labels` are the dataset's own, `answers` what completions call them, `completions` their token ids;
    `shots`: solved examples, each its fields and `label`; `room`: tokens that a prompt may have.
    """

    template: Template
    tokenizer: TextTokenizer
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    completions: tuple[tuple[int, ...], ...]
    shots: tuple[Fields, ...]
    room: int

    def completion(self, label: str | None) -> tuple[int, ...]:
        """Token ids of a label as an answer, end token last; of no label, none.

        Raises UserError for an unknown label.
        """
        if label is None:
            return ()
        if label not in self.labels:
            raise UserError(f"The label {clean(label)!r} is in no training example: there it would be new.")
        return self.completions[self.labels.index(label)]

    def prompt(self, fields: Fields) -> Prompt:
        """The prompt of one text; shots are dropped, the first ones first, where room is short."""

        def shown(shots: Sequence[Fields]) -> str:
            values = {"example": fields, "labels": self.answers, "shots": shots}
            return render(self.template, "prompt", values)

        least = f"the text {clean(' '.join(map(str, fields.values()))[:40])!r}"
        shorten = "the text or the template"
        return fit(self.template, self.tokenizer, shown, self.shots, self.room, least, shorten)

    def check(self) -> None:
        """Nothing: whatever is wrong with the answers was raised when the task was made."""

    def droppable(self, fields: Fields) -> list[str]:
        """The shots that a prompt drops where room is short, each as one text, the first one first."""
        return [" ".join(map(str, shot.values())) for shot in self.shots]


class LabelledTexts(Protocol):
    """What a draft reads of a dataset: the labelled texts to learn from, as (fields, label)."""

    @property
    def training(self) -> Sequence[tuple[Fields, str]]: ...


def classify(
    template: Template,
    tokenizer: TextTokenizer,
    training: Iterable[tuple[Fields, str]],
    context: int,
    seed: int = 1,
    written: bool = True,
) -> Classify:
    """The task for (fields, label) training examples and a model that reads `context` tokens.

    `written`: the model writes its answer, so that labels must differ in its tokens; a head needs no text.
    Raises UserError when no example has a label, two labels read alike, or an answer leaves no room.
    """
    solved = list(training)
    labels = tuple(sorted({label for _, label in solved}))
    if not labels:
        raise UserError("The dataset has no labelled training example: import one that has.")
    answers = tuple(template.verbalizers.get(label, label) for label in labels)
    completions = tuple(
        answer_ids(
            template, tokenizer, render(template, "completion", {"label": answer}), f"label {answer!r}"
        )
        for answer in answers
    )
    if written and len(set(completions)) < len(completions):
        raise UserError(f"{place(template, 'completion')}, is the same for two labels: tell them apart.")
    room = context - max(map(len, completions))
    if room < 1:
        raise UserError(f"{place(template, 'completion')}, is longer than the {context} tokens of the model.")
    shots = [{**fields, "label": answers[labels.index(label)]} for fields, label in draw(solved, SHOTS, seed)]
    return Classify(template, tokenizer, labels, answers, completions, tuple(shots), room)


def draft(
    template: Template,
    tokenizer: TextTokenizer,
    data: LabelledTexts,
    answers: Iterable[str | None] | None = None,
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
) -> Classify:
    """The task under a template that may still be wrong; all labels are rendered, whatever the `answers`.

    Raises UserError as `classify` does.
    """
    return classify(template, tokenizer, data.training, tokenizer.context)


def answers(task: Classify, data: LabelledTexts) -> list[tuple[str, str, tuple[int, ...]]]:
    """(name, name, token ids) of each label as an answer."""
    return [(name, name, ids) for name, ids in zip(task.answers, task.completions, strict=True)]


def draw(solved: Sequence[tuple[Fields, str]], count: int, seed: int) -> list[tuple[Fields, str]]:
    """Up to `count` examples, as evenly over the labels as can be: a pure function of examples and seed."""
    lots = random.Random(seed)
    by_label: dict[str, list[tuple[Fields, str]]] = {}
    for example in solved:
        by_label.setdefault(example[1], []).append(example)
    piles = [lots.sample(pile, min(count, len(pile))) for _, pile in sorted(by_label.items())]
    lots.shuffle(piles)
    rounds = [pile[turn] for turn in range(count) for pile in piles if turn < len(pile)][:count]
    lots.shuffle(rounds)
    return rounds
