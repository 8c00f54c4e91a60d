"""A run's state and numbers as short texts."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from promptrec_tui.badges import Badge, badge_of
from promptrec_tui.tui.glyphs import ASCII, UNICODE, Glyphs

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import RunRow

GOING = ("starting", "running", "pausing", "stopping")
"""States in which a process works on the run."""


def number_text(value: float | None, digits: int = 3) -> str:
    """A measured number; a dash if there is none, `nan` if it is not a number."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if math.isfinite(value) else "nan"


def badge(row: "RunRow") -> Badge:
    """How the state of a run is told."""
    return badge_of(row.state, row.stalled, bool(row.queue and row.queue.held))


def state_text(row: "RunRow", glyphs: Glyphs = UNICODE) -> str:
    """The sign and the word of a run's state, with the position of one that waits in the queue."""
    shown = badge(row)
    return f"{sign(shown, glyphs)} {shown.word}{f' {row.queue.place}' if row.queue else ''}"


def sign(shown: Badge, glyphs: Glyphs = UNICODE) -> str:
    """The sign of a badge, one cell."""
    return shown.ascii if glyphs is ASCII else shown.sign


def progress_text(row: "RunRow") -> str:
    """`240/1200` in training, else the progress and name of the phase, or the priority of a waiting run."""
    if row.queue and row.queue.priority:
        return f"priority {row.queue.priority}"
    if row.state in GOING and row.phase not in ("training", ""):
        # The count comes first, because a narrow column cuts the end.
        share = f"{row.phase_done or 0}/{row.phase_total} " if row.phase_total else ""
        return f"{share}{row.phase}"
    if row.total_steps:
        return f"{row.step}/{row.total_steps}"
    return str(row.step) if row.step else "-"


def age_text(then: str, now: datetime | None = None) -> str:
    """The time since an ISO 8601 moment in at most four cells: `42s`, `7m`, `3h`, `12d`."""
    try:
        moment = datetime.fromisoformat(then)
    except ValueError:
        return "-"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = max(0, round(((now or datetime.now(UTC)) - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def sparkline(values: Sequence[float | None], width: int, bars: str = UNICODE.bars) -> str:
    """The last `width` values as bars between their lowest and highest; a gap for NaN."""
    recent = values[-width:] if width > 0 else ()
    finite = [value for value in recent if value is not None and math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    top = len(bars) - 1
    return "".join(
        " "
        if value is None or not math.isfinite(value)
        else bars[round((value - low) / span * top) if span else top // 2]
        for value in recent
    )


def rate_text(value: float | None) -> str:
    """A learning rate as people type it: `0.001`, `3e-05`."""
    return "-" if value is None else f"{value:.3g}"
