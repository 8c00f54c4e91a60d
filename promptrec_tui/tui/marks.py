"""The marked runs: one set for all screens, kept in the session of the app."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptrec_tui.tui.app_interface import AppInterface
    from promptrec_tui.tui.glyphs import Glyphs


def marked_runs(app: "AppInterface") -> tuple[str, ...]:
    """The ids of the marked runs that are there, in the order in which they were marked."""
    kept = [run for run in app.recall("marks", list[object]()) if isinstance(run, str)]
    there = {row.id for row in app.runs} if kept else ()
    return tuple(run for run in kept if run in there)


def marked_baseline(app: "AppInterface") -> str:
    """The id of the marked run with which others are compared: the chosen one, else the first."""
    marks, chosen = marked_runs(app), app.recall("baseline", "")
    return chosen if chosen in marks else next(iter(marks), "")


def keep_marks(app: "AppInterface", marks: Sequence[str], baseline: str = "") -> None:
    """Mark these runs and no others; without a new `baseline` it stays what it was, if it is marked."""
    kept = baseline or marked_baseline(app)
    app.remember(marks=list(marks), baseline=kept if kept in marks else next(iter(marks), ""))


def toggle_mark(app: "AppInterface", run: str) -> None:
    """Mark the run with that id, or not."""
    marks = marked_runs(app)
    keep_marks(app, [other for other in marks if other != run] if run in marks else [*marks, run])


def mark_text(run: str, marks: Sequence[str], glyphs: "Glyphs") -> str:
    """Whether a run is marked, and how many others are; empty where none is."""
    others = len(marks) - (run in marks)
    if run in marks:
        return f"{glyphs.mark} marked{f' with {others} more' if others else ''}"
    return f"{others} other{'s' if others > 1 else ''} marked" if others else ""
