"""A catalogue behind the run folders: changes are made in the folders and listed once it is free."""

from dataclasses import replace

from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder, run_folders
from promptrec_tui.runs.label import read_label
from promptrec_tui.runs.status import run_status
from promptrec_tui.store import runs as store
from promptrec_tui.store.engine import BusyError
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.runs import RunRow
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.queue_positions import with_place

OLD = "Another program is writing to the catalogue: what is shown may be some seconds old."


def refresh(workspace: Workspace) -> int:
    """Update the catalogue from the run folders; returns the number of events read.

    While another program locks the catalogue it is not updated, and a sentence is added to `notes`.
    """
    try:
        return ingest(workspace.home, workspace.catalogue)
    except BusyError:
        workspace.notes[OLD] = None
        return 0


def current(workspace: Workspace, run_id: str) -> RunRow:
    """A run with the state of its folder and the metrics listed so far. Raises UserError if there is none."""
    refresh(workspace)
    return row_from_folder(workspace, RunFolder(workspace.home.runs / run_id))


def row_after_change(workspace: Workspace, folder: RunFolder, done: str) -> RunRow:
    """The row of a run after a change to its folder; the catalogue is updated if it is free.

    If it is busy, the change is still valid: a sentence in `notes` says that it was `done`.
    """
    try:
        ingest(workspace.home, workspace.catalogue)
        return with_place(workspace.home, store.find_run(workspace.catalogue, folder.id))
    except UserError as error:
        late(workspace, done, error)
    return row_from_folder(workspace, folder)


def late(workspace: Workspace, done: str, error: UserError) -> None:
    """Note that a change was made and will be listed later."""
    why = "" if isinstance(error, BusyError) else f" ({error})"
    workspace.notes[f"{done}; the list will catch up{why}."] = None


def row_from_folder(workspace: Workspace, folder: RunFolder) -> RunRow:
    """A run's row: its state from the folder, its metrics as far as they are listed.

    Raises UserError when its spec cannot be read either.
    """
    try:
        row = store.find_run(workspace.catalogue, folder.id)
    except UserError:
        row = store.row_of(folder.spec(), read_label(folder))
    status = run_status(folder)
    row = replace(
        row, state=status.state, reason=status.reason, attempt=status.attempt, stalled=status.stalled
    )
    return with_place(workspace.home, row)


def unlisted(workspace: Workspace, run: str) -> RunRow | None:
    """The run of that name or id that has a folder but no row yet; None when there is none."""
    listed = {row.id for row in store.list_runs(workspace.catalogue)}
    for folder in run_folders(workspace.home):
        if folder.id in listed:
            continue
        try:
            spec = folder.spec()
        except UserError:
            continue
        if run in (folder.id, read_label(folder).name or spec.name):
            return row_from_folder(workspace, folder)
    return None
