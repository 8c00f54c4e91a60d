"""Requests to a run: pause, stop, checkpoint, kill, resume; and their results."""

from dataclasses import dataclass

from promptrec_tui.errors import UserError
from promptrec_tui.runs import requests
from promptrec_tui.runs.base_models import base_folder
from promptrec_tui.runs.checkpoints import no_adapter, published_paths
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import enqueue, withdraw
from promptrec_tui.runs.states import ACTIVE, RESUMABLE, State
from promptrec_tui.runs.status import run_status
from promptrec_tui.runs.unanswered import settle
from promptrec_tui.workspace.lateness import row_after_change
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import RunRow, find_run, row_after_queuing


@dataclass(frozen=True)
class Asked:
    """A request to a run: `number` is None when the trainer was not needed, as for a run that was waiting."""

    row: RunRow
    command: str
    number: int | None = None


def pause_run(workspace: Workspace, run: str) -> Asked:
    """Ask a run to save a checkpoint and free its device."""
    return _ask(workspace, run, "pause")


def checkpoint_run(workspace: Workspace, run: str) -> Asked:
    """Ask a run to save a checkpoint after the current step and to continue."""
    return _ask(workspace, run, "checkpoint")


def kill_run(workspace: Workspace, run: str) -> Asked:
    """End a run's processes: SIGTERM, then SIGKILL after a minute, or at once on a second request."""
    return _ask(workspace, run, "kill")


def stop_run(workspace: Workspace, run: str) -> Asked:
    """Ask a run to save, keep its best adapter and end. A queued run is removed from the queue."""
    workspace.catalogue.require_writing()
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    if run_status(folder).state == State.QUEUED and withdraw(folder):
        return Asked(row_after_change(workspace, folder, f"Run {row.name!r} left the queue"), "stop")
    return _ask(workspace, run, "stop")


def resume_run(workspace: Workspace, run: str, evaluate: bool = False) -> RunRow:
    """Queue a run again: it continues from its newest valid checkpoint, or from step 0 with the same seeds.

    With `evaluate` it does not train: its present adapter is evaluated on the test targets. Raises UserError
    when the state of the run does not allow it, its base model is missing, or there is no adapter to
    evaluate.
    """
    workspace.catalogue.require_writing()
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    status = run_status(folder)
    state = status.state
    if state not in RESUMABLE and state != State.DRAFT:
        raise UserError(
            f"Run {row.name!r} is {state.value}: only a paused, stopped, failed or interrupted run resumes."
        )
    spec = folder.spec()
    base_folder(workspace.home, spec.model)
    if evaluate and not (folder.adapter.is_dir() or published_paths(folder)):
        raise UserError(no_adapter(folder))
    enqueue(folder, device=spec.settings.run.device, after=status.attempt, evaluate=evaluate)
    return row_after_queuing(workspace, folder, f"Run {row.name!r} is queued")


def answer(workspace: Workspace, asked: Asked) -> str | None:
    """The result of a request; None while it is open. A request that came too late gets its result here."""
    if asked.number is None:
        return asked.row.state
    folder = RunFolder(workspace.home.runs / asked.row.id)
    if (said := _answer(folder, asked.number)) is None:
        settle(folder)
        said = _answer(folder, asked.number)
    return said


def _ask(workspace: Workspace, run: str, command: requests.Command) -> Asked:
    workspace.catalogue.require_writing()
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    state = run_status(folder).state
    if state not in ACTIVE:
        raise UserError(f"Run {row.name!r} is {state.value}: there is nothing to {command}.")
    number = requests.request(folder, command)
    # The run may have ended in the meantime.
    settle(folder)
    return Asked(
        row_after_change(workspace, folder, f"{command} was asked of run {row.name!r}"), command, number
    )


def _answer(folder: RunFolder, number: int) -> str | None:
    request = next((asked for asked in requests.all_requests(folder) if asked.number == number), None)
    return requests.answer(folder, request) if request else None
