"""List, show and delete runs."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import delete, inside
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.launchers import spawn_dispatch
from promptrec_tui.runs.logs import tail
from promptrec_tui.runs.queue import alone
from promptrec_tui.runs.report import read_report
from promptrec_tui.runs.states import ACTIVE as ACTIVE
from promptrec_tui.runs.states import RESUMABLE as RESUMABLE
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.store import runs as store
from promptrec_tui.store.runs import PreviewRow as PreviewRow
from promptrec_tui.store.runs import RunRow as RunRow
from promptrec_tui.tasks.defaults import FACTS
from promptrec_tui.tasks.defaults import case_noun as case_noun
from promptrec_tui.tasks.defaults import leading_metrics as leading_metrics
from promptrec_tui.workspace.lateness import current as current
from promptrec_tui.workspace.lateness import late, row_after_change, unlisted
from promptrec_tui.workspace.lateness import refresh as refresh
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.queue_positions import with_place, with_places


def task_names() -> list[str]:
    """The tasks that a run can have, the usual one first."""
    return list(FACTS)


def list_runs(workspace: Workspace) -> list[RunRow]:
    """All runs, newest first, as listed in the catalogue; call `refresh` before."""
    return with_places(workspace.home, store.list_runs(workspace.catalogue))


def damaged(rows: Sequence[RunRow], home: Home) -> list[str]:
    """Warnings about unreadable files in the folders of these runs, a sentence each that names the file."""
    return [f"{row.name}: {row.reason}" for row in rows if f"{home.runs / row.id}/" in row.reason]


def find_run(workspace: Workspace, run: str) -> RunRow:
    """The run of that name or id, listed or not yet. Raises UserError with the nearest name."""
    try:
        return with_place(workspace.home, store.find_run(workspace.catalogue, run))
    except UserError:
        if row := unlisted(workspace, run):
            return row
        raise


def delete_run(workspace: Workspace, run: str) -> RunRow:
    """Delete a run, its checkpoints and its metrics. Raises UserError while it is active."""
    row = find_run(workspace, run)
    folder = RunFolder(workspace.home.runs / row.id)
    place = inside(workspace.home.runs, folder.path)
    # The lock prevents a resume between check and deletion; without a folder there is nothing to resume.
    with alone(folder) if folder.path.is_dir() else nullcontext():
        if (state := run_status(folder).state) in ACTIVE:
            raise UserError(f"Run {row.name!r} is {state.value}: stop it before you delete it.")
        workspace.catalogue.require_writing()
        delete(workspace.home.runs, place)
    try:
        store.delete_run(workspace.catalogue, row.id)
    except UserError as error:
        late(workspace, f"Run {row.name!r} is deleted", error)
    return row


def run_folder(workspace: Workspace, run: str) -> RunFolder:
    """The folder of the run of that name or id."""
    return RunFolder(workspace.home.runs / find_run(workspace, run).id)


def was_evaluated(workspace: Workspace, run: str) -> bool:
    """Whether a run is done or stopped and has test metrics of its adapter."""
    row = current(workspace, run)
    report = read_report(RunFolder(workspace.home.runs / row.id))
    ended = row.state in (State.DONE, State.STOPPED)
    return ended and bool(report.get("metrics", {}).get("after"))


def log_path(workspace: Workspace, run: str) -> Path:
    """The log of the run's last attempt (it need not exist yet)."""
    return run_folder(workspace, run).log


def log_tail(workspace: Workspace, run: str, count: int) -> Iterator[str]:
    """The last `count` lines of that log, one after the other: only the end of the file is read."""
    return tail(log_path(workspace, run), count)


def row_after_queuing(workspace: Workspace, folder: RunFolder, done: str) -> RunRow:
    """Start a dispatcher; returns the run after that. `done` describes the change, in case the list is
    late."""
    spawn_dispatch(workspace.home)
    return row_after_change(workspace, folder, done)
