"""Changes to the queue: move, hold and release runs, set priorities and what follows a failure."""

from collections.abc import Sequence
from typing import Any, Literal

from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.launchers import spawn_dispatch as spawn_dispatch
from promptrec_tui.runs.queue import Entry, change, queued
from promptrec_tui.runs.slots import holds_queue
from promptrec_tui.runs.status import run_status
from promptrec_tui.workspace.lateness import row_after_change
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import RunRow, find_run

Where = Literal["up", "down", "top"]


def move_run(workspace: Workspace, run: str, where: Where) -> RunRow:
    """Move a waiting run one place up, one place down, or to the top.

    It takes the priority of the run that it passes, because priorities decide before positions.
    """
    workspace.catalogue.require_writing()
    row = find_run(workspace, run)
    entries = queued(workspace.home)
    place = next((place for place, entry in enumerate(entries) if entry.folder.id == row.id), None)
    if place is None:
        raise _not_waiting(workspace, row)
    rest = entries[:place] + entries[place + 1 :]
    target = {"up": max(place - 1, 0), "down": min(place + 1, len(rest)), "top": 0}[where]
    if target == place:
        return row
    passed = rest[target - 1] if where == "down" else rest[target]
    return _change(workspace, row, priority=passed.priority, position=_between(rest, target, passed.priority))


def hold_run(workspace: Workspace, run: str) -> RunRow:
    """Keep a waiting run from starting until it is released."""
    return _change(workspace, find_run(workspace, run), hold=True)


def release_run(workspace: Workspace, run: str) -> RunRow:
    """Release a held run, or the queue that a failed run holds."""
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    if holds_queue(folder):
        return _change(workspace, row, claimed_too=True, continue_after_failure=True)
    return _change(workspace, row, hold=False)


def set_priority(workspace: Workspace, run: str, priority: int) -> RunRow:
    """Set the priority: runs with a higher one start before all runs with a lower one; the default is 0."""
    return _change(workspace, find_run(workspace, run), priority=priority)


def set_after_failure(workspace: Workspace, run: str, go_on: bool) -> RunRow:
    """Set whether the queue continues if this run fails; also possible while the run is active."""
    return _change(workspace, find_run(workspace, run), claimed_too=True, continue_after_failure=go_on)


def _change(workspace: Workspace, row: RunRow, claimed_too: bool = False, **changes: Any) -> RunRow:
    workspace.catalogue.require_writing()
    folder = RunFolder(workspace.home.runs / row.id)
    if not change(folder, claimed_too, **changes):
        raise _not_waiting(workspace, row)
    spawn_dispatch(workspace.home)
    return row_after_change(workspace, folder, f"Run {row.name!r} is changed")


def _not_waiting(workspace: Workspace, row: RunRow) -> UserError:
    state = run_status(RunFolder(workspace.home.runs / row.id)).state.value
    return UserError(f"Run {row.name!r} is {state}: only a run that waits has a place in the queue.")


def _between(rest: Sequence[Entry], target: int, priority: int) -> float:
    """A position that puts a run of that priority before `rest[target]` and behind the one ahead of it."""
    lower = [entry.position for entry in rest[:target] if entry.priority == priority]
    upper = [entry.position for entry in rest[target:] if entry.priority == priority]
    if not lower:
        return upper[0] - 1
    if not upper:
        return lower[-1] + 1
    middle = (lower[-1] + upper[0]) / 2
    if lower[-1] < middle < upper[0]:
        return middle
    # There is no number between them (or both are equal): renumber the runs behind.
    for number, entry in enumerate(rest[target:], start=1):
        if entry.priority == priority:
            change(entry.folder, position=lower[-1] + number + 1)
    return lower[-1] + 1
