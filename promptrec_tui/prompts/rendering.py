"""The one renderer: training, previews, evaluation, recommendations and screens all pass here."""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.sandbox import compiled
from promptrec_tui.prompts.template import Template, place, variable
from promptrec_tui.text import clean


def render_prompt(template: Template, history: Sequence[Mapping[str, str]]) -> str:
    """The prompt after `history`: items oldest first, each with `title` and its attributes as text.

    Raises UserError with part and line.
    """
    return _render(template, "prompt", template.prompt, history)


def render_completion(template: Template, item: Mapping[str, str]) -> str:
    """The text of one answer, without its end token.

    Raises UserError with part and line.
    """
    return _render(template, "completion", template.completion, item)


def _render(template: Template, part: str, source: str, value: Any) -> str:
    name, where = variable(template, part), place(template, part)
    program = compiled(source, name, where)
    try:
        return program.render({name: value})
    except Exception as error:  # a template is a program of somebody else: anything can go wrong in it
        frames = traceback.walk_tb(error.__traceback__)
        lines = [line for frame, line in frames if frame.f_code.co_filename == "<template>"]
        at = f", line {lines[-1]}" if lines else ""
        raise UserError(f"{where}{at}: {clean(str(error)).rstrip('.')}.") from error
