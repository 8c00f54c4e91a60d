"""The `template audit` document as text."""

from collections.abc import Mapping
from typing import Any

from textual.content import Content

from promptrec_tui.text import clean
from promptrec_tui.tui.glyphs import Glyphs

BAR_WIDTH = 40


def audit_text(audit: Mapping[str, Any], glyphs: Glyphs) -> Content:
    """Lengths of the rows, dropped history, answers with equal first tokens."""
    wrap = "a chat" if audit["chat"] else "plain text"
    name = f"{clean(audit['template'])} version {audit['version']}"
    lines = [
        Content.assemble(
            (name, "bold"),
            (f", {wrap}, over ", "dim"),
            clean(audit["dataset"]),
            (" with the tokens of ", "dim"),
            clean(audit["model"]),
        ),
        _fact(
            "rows",
            f"{audit['rows']:,}",
            f"median {audit['median']:,} tokens, longest {audit['longest']:,}, context {audit['context']:,}",
        ),
        _fact(
            "lose history",
            f"{audit['losing_history']:,}",
            f"{audit['dropped_items']:,} items dropped",
            audit["losing_history"],
        ),
        _fact(
            "refused", f"{audit['refused']:,}", "rows without a valid prompt or completion", audit["refused"]
        ),
        *(Content(f"    {clean(reason)}").stylize("$text-error") for reason in audit["reasons"]),
        _fact("trained", f"{audit['trained_share']:.1%}", "of all tokens"),
        _fact("prefix sharing", f"{audit['sharing']:.1f} x", "prompt tokens, over those read once"),
        _fact(
            "special tokens",
            f"{audit['special_texts']:,}",
            "spelt by the data; they stay text",
            audit["special_texts"],
        ),
        Content("tokens of a row with its whole history").stylize("dim"),
        *_histogram(audit["histogram"], audit["context"], glyphs),
        _fact("answers", f"{audit['answers']:,}", f"begin with {audit['first_tokens']:,} different tokens"),
        *(_collision(group) for group in audit["collisions"]),
        *(_one_answer(group) for group in audit["same"]),
    ]
    return Content("\n").join(lines)


def _fact(name: str, value: str, more: str, wrong: int = 0) -> Content:
    style = "bold $text-warning" if wrong else "bold"
    return Content.assemble((f"{name:<15}", "dim"), (f"{value:>9}", style), (f"  {more}", "dim"))


def _collision(group: Mapping[str, Any]) -> Content:
    examples = ", ".join(clean(example) for example in group["examples"])
    text = f"    {group['answers']:,} begin with {clean(group['token'])!r}: {examples}"
    return Content(text).stylize("dim")


def _one_answer(group: Mapping[str, Any]) -> Content:
    examples = ", ".join(f"{clean(key)} {clean(title)!r}" for key, title in group["examples"])
    return Content(f"    {group['items']:,} are one answer: {examples}").stylize("$text-warning")


def _histogram(steps: list[list[int]], context: int, glyphs: Glyphs) -> list[Content]:
    most = max((rows for _, rows in steps), default=0)
    line = Content(f"{context:>8,} {'-' * BAR_WIDTH} the context").stylize("$text-error")
    lines, over = [], False
    for bound, rows in steps:
        if bound > context and not over:
            over = True
            lines.append(line)
        bar = glyphs.bars[-1] * -(-rows * BAR_WIDTH // most) if most else ""
        style = "$text-warning" if over else "$text-accent"
        lines.append(Content.assemble((f"{bound:>8,} ", "dim"), (bar, style), f" {rows:,}" if rows else ""))
    return lines if over else [*lines, line]
