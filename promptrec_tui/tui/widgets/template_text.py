"""How a template and its rendering read. What is trained stands out, in colour and in words."""

import re
from typing import TYPE_CHECKING

from textual.content import Content

from promptrec_tui.text import clean, clean_lines

if TYPE_CHECKING:
    from promptrec_tui.workspace.rendering import Rendering
    from promptrec_tui.workspace.templates import TemplateRow

JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
LINE_END, ASCII_LINE_END = "⏎", "\\n"
TRAINED = "$text-success on $success-muted"


def template_text(row: "TemplateRow", line_end: str = LINE_END) -> Content:
    """The two parts of a template as they were written."""
    end = "the tokenizer's end of text" if row.end_token is None else clean_visibly(row.end_token, line_end)
    return Content("\n").join(
        [
            Content.assemble((clean(row.name), "bold"), (_facts(row), "dim")),
            Content("prompt").stylize("dim"),
            _coloured(row.prompt),
            Content.assemble(("completion", TRAINED), ("  trained; ends with ", "dim"), end),
            _coloured(row.completion),
        ]
    )


def rendering_text(rendering: "Rendering", line_end: str = LINE_END) -> Content:
    """A prompt with the completion right behind it, as the model reads them."""
    completion = clean_visibly(rendering.completion, line_end)
    return Content.assemble(clean_lines(rendering.prompt), (completion, f"bold {TRAINED}"))


def rendering_facts(rendering: "Rendering", dataset: str, model: str) -> Content:
    """For whom it was rendered, and how much of the context it takes."""
    prompt, completion = len(rendering.prompt_token_ids), len(rendering.completion_token_ids)
    dropped = rendering.dropped_history
    return Content.assemble(
        ("user ", "dim"),
        (clean(rendering.user), "bold"),
        (" of ", "dim"),
        clean(dataset),
        ("  tokens ", "dim"),
        f"{prompt:,} + ",
        (f"{completion}", TRAINED),
        f" of {rendering.context:,}",
        (f" ({clean(model)})", "dim"),
        ("  dropped ", "dim"),
        (f"{dropped} oldest items", "$text-warning") if dropped else "none",
    )


def clean_visibly(text: str, line_end: str = LINE_END) -> str:
    """`text` cleaned, its line ends to be seen."""
    return clean(text.replace("\r", "").replace("\n", line_end))


def _facts(row: "TemplateRow") -> str:
    kind = "built in" if row.builtin else f"version {row.version}"
    return f"  {row.task}, language {clean(row.language)}, {kind}"


def _coloured(text: str) -> Content:
    content = Content(clean_lines(text.strip("\n")))
    return content.highlight_regex(JINJA, style="$text-accent")
