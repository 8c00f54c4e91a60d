"""The figures of the run under the cursor, beside or under the list."""

from typing import TYPE_CHECKING

from textual.content import Content

from promptrec_tui.text import cases_text, clean, figure_text, metric_text
from promptrec_tui.tui.widgets.run_text import number_text, rate_text

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow


def run_facts(row: "RunRow") -> Content:
    """What it was made of, its best value on validation and that on test, note, reason and place in the
    queue."""
    made_of = [row.dataset, row.template, row.model, row.method]
    if row.learning_rate is not None:
        made_of.append(f"rate {rate_text(row.learning_rate)}")
    lines = [Content.styled(clean(" | ".join(part for part in made_of if part)), "dim")]
    if row.best_value is not None:
        figures = f"best validation {metric_text(clean(row.best_metric))} {number_text(row.best_value, 4)}"
        if row.test_value is not None:
            figures += f", test {figure_text(row.test_value, row.test_users, row.best_metric)}"
            figures += f"; {cases_text(row.test_users, 'case')}" if row.test_users else ""
        lines.append(Content(figures))
    if row.tags:
        lines.append(Content.styled(clean(" ".join(f"#{tag}" for tag in row.tags)), "$accent"))
    lines += [Content(clean(text)) for text in (row.note, row.reason) if text]
    if row.queue and not row.queue.continue_after_failure:
        lines.append(Content("Should it fail, the queue stops."))
    return Content("\n").join(lines)


def summary_text(shown: int, of: int, hidden: int, sorted_by: str) -> str:
    """How many runs a filter keeps, how many are hidden because they are archived, and the field of the order
    if no heading tells it; empty for nothing."""
    parts = [f"{shown:,} of {of:,} runs"] if shown + hidden < of else []
    if hidden:
        parts.append(f"{hidden:,} archived hidden: the filter archived shows them")
    if sorted_by:
        parts.append(f"sorted by {sorted_by}")
    return " | ".join(parts)
