"""A base model and the check of its folder as text."""

from typing import TYPE_CHECKING

from textual.content import Content

from promptrec_tui.text import clean

if TYPE_CHECKING:
    from promptrec_tui.workspace.models import ModelCheck, ModelRow


def parameters_text(count: int) -> str:
    """`2.7 M`, `596 M`, `1.7 B`; a dash if it is not known."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size * 0.9995:
            value = count / size
            return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"
    return str(count) if count else "–"


def check_text(row: "ModelRow", check: "ModelCheck | None") -> Content:
    """The properties, then whether it can be used: each problem and each note on a line of its own."""
    facts = {"source": row.source, "folder": row.folder, "type": f"{row.model_type} ({row.family})"}
    if check:
        facts |= {
            "class": check.architecture,
            "weights": f"{check.parameters:,} parameters, {check.size_bytes / 1e6:,.1f} MB",
            "context": f"{check.context:,} tokens",
            "vocabulary": f"{check.vocabulary:,} tokens",
        }
    lines = [Content.assemble((f"{name:<10} ", "dim"), clean(value)) for name, value in facts.items()]
    return Content("\n").join(
        [Content(clean(row.name)).stylize("bold"), *lines, Content(""), *_verdict(check)]
    )


def _verdict(check: "ModelCheck | None") -> list[Content]:
    if check is None:
        return [Content("checking the folder…").stylize("dim")]
    verdict = (
        Content("It can be tuned.").stylize("bold $text-success")
        if check.ok
        else Content("It cannot be used:").stylize("bold $text-error")
    )
    problems = [Content.assemble(("problem: ", "$text-error"), clean(text)) for text in check.problems]
    notes = [Content.assemble(("note: ", "$text-warning"), clean(text)) for text in check.notes]
    return [verdict, *problems, *notes]
