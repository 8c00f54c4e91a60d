"""One line about what happened while the app was closed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from promptrec_tui.datasets.staging import sweep
from promptrec_tui.errors import UserError
from promptrec_tui.runs.states import ACTIVE, State
from promptrec_tui.text import metric_text
from promptrec_tui.workspace.datasets import list_datasets
from promptrec_tui.workspace.maintenance import maintain_home
from promptrec_tui.workspace.models import list_models
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.runs import RunRow, list_runs, refresh

MOST = 3
"""Runs that are listed one by one; the others are counted."""

WORDS = {
    State.DONE: "finished",
    State.FAILED: "failed",
    State.INTERRUPTED: "was interrupted",
    State.STOPPED: "stopped",
    State.PAUSED: "paused",
}


@dataclass(frozen=True)
class Welcome:
    """What to show when the app is opened: what happened since it was closed, and warnings about the home."""

    news: str
    warning: str


def welcome(workspace: Workspace, session: Mapping[str, Any]) -> Welcome:
    """What happened since `session` was saved; maintains the home once."""
    news = []
    match session:
        case {"at": float(since), "seen": dict(seen)}:
            news.append(meanwhile(workspace, seen, since))
    match session:
        case {"work": {"noun": "dataset" | "model" as noun, "name": str(name)}}:
            news.append(broken_off(workspace, noun, name))
    return Welcome(" ".join(part for part in news if part), " ".join(maintain_home(workspace)))


def meanwhile(workspace: Workspace, seen: Mapping[str, str], since: float, now: float | None = None) -> str:
    """A sentence about the runs whose state changed since the app saw it, oldest first; "" when none did.

    `seen` has the states of the runs that were unfinished when the app was closed, at `since` (epoch
    seconds). A new run counts when it was created after that. The absence lasts until now or until the last
    event, whichever is later, in case the clock was set back.
    """
    refresh(workspace)
    rows = [row for row in list_runs(workspace) if _is_news(row, seen, since)]
    if not rows:
        return ""
    rows.sort(key=lambda row: row.updated)
    end = max(time.time() if now is None else now, _moment(rows[-1].updated))
    parts = [_sentence(workspace, row, end) for row in rows[-MOST:]]
    if more := len(rows) - len(parts):
        parts.insert(0, f"{more} other runs changed")
    return f"While you were away{_span(end - since)}: {'; '.join(parts)}."


def broken_off(workspace: Workspace, noun: str, name: str) -> str:
    """Whether the dataset import or the adding of a model that ran when the app was closed has succeeded.

    Also deletes the temporary files of an import that was killed.
    """
    sweep(workspace.home.datasets)
    rows = list_datasets(workspace) if noun == "dataset" else list_models(workspace)
    if any(row.name == name for row in rows):
        return f"The {noun} {name}, in progress when the app was closed, is finished."
    return f"The {noun} {name} was not finished when the app was closed: its form still has what you typed."


def _is_news(row: RunRow, seen: Mapping[str, str], since: float) -> bool:
    if row.state not in WORDS and row.state not in ACTIVE:
        return False
    if before := seen.get(row.id):
        return before != row.state and not (before in ACTIVE and row.state in ACTIVE)
    return _moment(row.created) > since


def _sentence(workspace: Workspace, row: RunRow, now: float) -> str:
    if row.state in ACTIVE:
        of = f" of {row.total_steps}" if row.total_steps else ""
        return f"run {row.name} started and is at step {row.step}{of}"
    text = f"run {row.name} {WORDS[row.state]}{_clock(_moment(row.updated), now)}"
    if row.state == State.DONE:
        return text + _result(workspace, row)
    return f"{text}: {row.reason.rstrip('.')}" if row.reason else text


def _result(workspace: Workspace, row: RunRow) -> str:
    try:
        document = run_document(workspace, row.id)
    except UserError:
        return ""
    lead = document["validation"]["metric"]
    value = (document["metrics"]["after"] or {}).get(lead)
    return f", {metric_text(lead)} {value:.4f}" if isinstance(value, float) else ""


def _moment(text: str) -> float:
    """Epoch seconds of an ISO 8601 time; 0 for a text that is not one."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _clock(moment: float, now: float) -> str:
    """The local time of an event, with the day when that is not today."""
    then, present = datetime.fromtimestamp(moment), datetime.fromtimestamp(now)
    return f" at {then:%H:%M}" if then.date() == present.date() else f" on {then:%d %b at %H:%M}"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size * (2 if unit == "days" else 1):
            return f" ({seconds / size:.0f} {unit})"
    return ""
