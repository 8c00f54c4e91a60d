"""How every task renders a row under a template, for the studio, the audit and `template render`.

The trainer asks the same `NextItem` and `Classify` for prompts and completions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from promptrec_tui.prompts.fitting import Prompt
from promptrec_tui.prompts.template import Template, variables
from promptrec_tui.prompts.tokens import TextTokenizer
from promptrec_tui.tasks import classify, next_item


class Draft(Protocol):
    """A task on one dataset, under a template that may still be wrong."""

    def check(self) -> None:
        """Raise UserError when an answer cannot be given, or leaves no room for a prompt."""

    def prompt(self, question: Any) -> Prompt:
        """The prompt of a row; what is dropped first is dropped where room is short. Raises UserError."""

    def completion(self, answer: Any) -> tuple[int, ...]:
        """Token ids of the answer of a row, end token last; none where it has none. Raises UserError."""

    def droppable(self, question: Any) -> Sequence[str]:
        """What the prompt of a row can drop, for people, in the order in which it is dropped."""


class TaskModule(Protocol):
    """What the module of a task offers. `data` has what the task reads of a dataset."""

    def draft(
        self,
        template: Template,
        tokenizer: TextTokenizer,
        data: Any,
        answers: Iterable[Any] | None = None,
        progress: Callable[[str, int, int], None] = ...,
    ) -> Draft:
        """The task with these answers only, which is fast; with all of them for None."""

    def answers(self, task: Any, data: Any) -> list[tuple[str, str, tuple[int, ...]]]:
        """(key, title, token ids) of each answer that can be given."""


def task_module(template: Template) -> TaskModule:
    """The module of a template's task. Raises UserError for an unknown task."""
    variables(template, "prompt")
    return TASKS[template.task]


TASKS: Mapping[str, TaskModule] = {"next_item": next_item, "classify": classify}
