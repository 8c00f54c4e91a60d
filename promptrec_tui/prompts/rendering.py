"""The one renderer, used by training, previews, evaluation, recommendations and screens."""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from promptrec_tui.errors import TemplateError
from promptrec_tui.prompts.bounds import bounded
from promptrec_tui.prompts.sandbox import compiled
from promptrec_tui.prompts.template import Template, place, variables
from promptrec_tui.text import clean


def render_prompt(
    template: Template, history: Sequence[Mapping[str, str]], shots: Sequence[Mapping[str, Any]] = ()
) -> str:
    """The prompt after `history`: items oldest first, each with `title` and its attributes as text.

    `shots`: solved examples, each with a `history` of its own and the `item` that came next.
    Raises UserError with part and line.
    """
    return render(template, "prompt", {"history": history, "shots": shots})


def render_completion(template: Template, item: Mapping[str, str]) -> str:
    """The text of one answer, without its end token.

    Raises UserError with part and line.
    """
    return render(template, "completion", {"item": item})


def render(template: Template, part: str, values: Mapping[str, Any]) -> str:
    """A part ("prompt" or "completion") with the values of its variables.

    Raises UserError with part and line.
    """
    source, where = template.prompt if part == "prompt" else template.completion, place(template, part)
    program = compiled(source, variables(template, part), where)
    try:
        return bounded(program.generate(values))
    except Exception as error:  # a template is a program of somebody else: anything can go wrong in it
        frames = traceback.walk_tb(error.__traceback__)
        lines = [line for frame, line in frames if frame.f_code.co_filename == "<template>"]
        at = f", line {lines[-1]}" if lines else ""
        sentence = f"{where}{at}: {clean(str(error)).rstrip('.')}."
        raise TemplateError(sentence, source, lines[-1] if lines else 0) from error
