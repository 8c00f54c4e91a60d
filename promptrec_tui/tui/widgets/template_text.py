"""A template and its rendering as text; the trained part is coloured and named."""

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from promptrec_tui.errors import TemplateError, UserError
from promptrec_tui.text import clean, clean_lines
from promptrec_tui.tui.glyphs import Glyphs

if TYPE_CHECKING:
    from promptrec_tui.workspace.rendering import Rendering
    from promptrec_tui.workspace.templates import TemplateRow

JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
LINE_END, ASCII_LINE_END = LINE_ENDS = ("⏎", "\\n")
BAR_WIDTH = 20
TRAINED = "$text-success on $success-muted"


def template_text(row: "TemplateRow", line_end: str = LINE_END) -> Content:
    """The texts of a template as they were written."""
    end = "the tokenizer's end of text" if row.end_token is None else clean_visibly(row.end_token, line_end)
    lines = [Content.assemble((clean(row.name), "bold"), (_facts(row), "dim"))]
    for entry in row.text_fields():
        text = getattr(row, entry.name)
        if entry.name == "completion":
            lines.append(Content.assemble(("completion", TRAINED), ("  trained; ends with ", "dim"), end))
        elif text:
            lines.append(Content(entry.name).stylize("dim"))
        if entry.default != "":
            lines.append(_coloured(text))
        elif text:
            lines.append(Content(clean_lines(text)))
    return Content("\n").join(lines)


def rendering_text(rendering: "Rendering", line_end: str = LINE_END) -> Content:
    """A prompt followed by its completion, as the model reads them; above it, what was dropped."""
    completion = clean_visibly(rendering.completion, line_end)
    dropped = "".join(f"{clean(title)}\n" for title in rendering.dropped_titles)
    return Content.assemble(
        (dropped, "dim strike"), clean_lines(rendering.prompt), (completion, f"bold {TRAINED}")
    )


def rendering_facts(
    rendering: "Rendering", dataset: str, model: str, glyphs: Glyphs | None = None
) -> Content:
    """The row that was rendered, and its share of the context; with `glyphs`, as a bar too."""
    prompt, completion = len(rendering.prompt_token_ids), len(rendering.completion_token_ids)
    dropped, special = rendering.dropped_history, rendering.special_texts
    return Content.assemble(
        *(_context_bar(prompt, completion, rendering.context, glyphs) if glyphs else ()),
        (f"{rendering.row} ", "dim"),
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
        (f"  {rendering.older:,} older events are not shown to the model", "dim") if rendering.older else "",
        ("  chat", "dim") if rendering.chat else "",
        (f"  {special} special tokens in the data, kept as text", "$text-warning") if special else "",
    )


def _context_bar(prompt: int, completion: int, context: int, glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """The context as `BAR_WIDTH` cells: prompt, completion, free tokens."""
    full, trained = round(prompt * BAR_WIDTH / context), -(-completion * BAR_WIDTH // context)
    full = min(full, BAR_WIDTH - trained)
    block, free = glyphs.bars[-1], glyphs.bars[0]
    return (
        (block * full, "$text-accent"),
        (block * trained, "$text-success"),
        (free * (BAR_WIDTH - full - trained), "dim"),
        (" ", ""),
    )


def problem_text(error: UserError) -> Content:
    """An error as a sentence; below it the wrong line of the template, with a caret."""
    text = Content(clean(str(error))).stylize("$text-error")
    if not (isinstance(error, TemplateError) and error.source):
        return text
    # As wide as the text before it, whose Chinese characters take two cells each.
    caret = " " * cell_len(clean(error.source)[: error.column - 1]) + "^" if error.column else ""
    return Content.assemble(text, "\n", clean(error.source), *(("\n", (caret, "bold")) if caret else ()))


def diff_text(lines: "list[str]") -> Content:
    """A unified diff: added lines green, removed lines red."""
    if not lines:
        return Content("The versions are equal.")
    styles = {"+": "$text-success", "-": "$text-error", "@": "dim"}
    return Content("\n").join(Content(line).stylize(styles.get(line[:1], "")) for line in lines)


def clean_visibly(text: str, line_end: str = LINE_END) -> str:
    """`text` cleaned, with visible line ends."""
    return clean(text.replace("\r", "").replace("\n", line_end))


def _facts(row: "TemplateRow") -> str:
    kind = "built in" if row.builtin else f"version {row.version}"
    wrap = "" if row.wrap == "auto" else f", {row.wrap}"
    return f"  {row.task}, language {clean(row.language)}, {kind}{wrap}"


def _coloured(text: str) -> Content:
    content = Content(clean_lines(text.strip("\n")))
    return content.highlight_regex(JINJA, style="$text-accent")
