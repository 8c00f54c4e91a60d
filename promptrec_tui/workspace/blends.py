"""Blends of a run's model and its baselines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import ACTIVE
from promptrec_tui.text import clean
from promptrec_tui.typed import build
from promptrec_tui.workspace.child_processes import Progress, ask_child
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.scoring import find_asked


@dataclass(frozen=True)
class FittedBlend:
    """The weights of a blend and each feature's share of the decision; `gain` over the best of all others."""

    weights: Mapping[str, float]
    shares: Mapping[str, float]
    held_out: Mapping[str, float]
    chosen: str
    users: int
    gain: Mapping[str, Any]


def has_blend(workspace: Workspace, run: str) -> bool:
    """Whether the run of that id can be asked for its blend."""
    return RunFolder(workspace.home.runs / run).blend.is_file()


def fit_blend(workspace: Workspace, run: str, progress: Progress | None = None) -> FittedBlend:
    """Fit the blend of a finished run, and write it and its figures into the run's result. Takes minutes.

    Raises UserError for an unknown run, one of another task, one that is active, and where there can be none.
    """
    row = find_asked(workspace, run, "user")
    if row.state in ACTIVE:
        raise UserError(f"Run {clean(row.name)!r} is {row.state}: fit its blend when it has ended.")
    reply = ask_child(
        workspace,
        "promptrec_tui.tuning.blend_fit",
        row.id,
        log="blend.log",
        work="fit of the blend",
        progress=progress,
    )
    return build(FittedBlend, reply)
