"""Checks of the machine and the home; each gives one finding."""

import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.home import VARIABLE, Home, exposed_at, is_open
from promptrec_tui.models.check import check_model
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.resources import resource
from promptrec_tui.runs.folder import run_folders
from promptrec_tui.runs.gpus import GIB, installed_gpus, nvml_trouble
from promptrec_tui.runs.logout import survival_from_here
from promptrec_tui.store.connection import network_type
from promptrec_tui.store.schema import damaged_sentence, is_damaged
from promptrec_tui.workspace.datasets import list_datasets
from promptrec_tui.workspace.machine import versions
from promptrec_tui.workspace.maintenance import network_warning, reserve_finding
from promptrec_tui.workspace.models import list_models
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.runs import list_runs, refresh
from promptrec_tui.workspace.torch_check import ask_torch

ENOUGH_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One check and its result."""

    check: str
    ok: bool
    finding: str


def places(home: Home) -> dict[str, str]:
    """The paths of all files and folders, by name."""
    return {
        "home": str(home.root),
        "catalogue": str(home.database),
        "datasets": str(home.datasets),
        "models": str(home.models),
        "runs": str(home.runs),
        "backups": str(home.backups),
        "preferences": str(home.preferences),
        "sample_data": str(resource("sample_data")),
        "migrations": str(resource("migrations")),
    }


def examine(home: Home) -> list[Finding]:
    """All checks, in the order in which problems should be fixed. Creates the home if there is none."""
    return [_python(), *_home(home), _disk(home), _embedded(), *_gpus(), _torch(), _logout()]


def _python() -> Finding:
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    return Finding("versions", sys.version_info >= (3, 11), f"{packages}, SQLite {sqlite3.sqlite_version}")


def _home(home: Home) -> list[Finding]:
    try:
        with opened(home) as workspace:
            refresh(workspace)
            catalogue = _catalogue(workspace)
            files = _files(workspace)
            reserve = Finding("reserve", *reserve_finding(workspace))
    except UserError as error:
        return [Finding("home", False, str(error))]
    return [Finding("home", True, str(home.root)), catalogue, files, reserve, _privacy(home)]


def _catalogue(workspace: Workspace) -> Finding:
    database = workspace.home.database
    if workspace.catalogue.read_only:
        return Finding("catalogue", False, workspace.catalogue.read_only)
    if is_damaged(database):
        return Finding("catalogue", False, damaged_sentence(database))
    if kind := network_type(workspace.home.root):
        return Finding("catalogue", False, network_warning(kind))
    came_back = f" {workspace.recovered}" if workspace.recovered else ""
    return Finding("catalogue", True, f"sound, {database.stat().st_size / 1e6:.1f} MB.{came_back}")


def _files(workspace: Workspace) -> Finding:
    """Whether the catalogue and the folders agree on the files."""
    home, wrong = workspace.home, []
    datasets = list_datasets(workspace)
    listed = {row.file for row in datasets}
    there = [f"datasets/{path.name}" for path in sorted(home.datasets.glob("*.sqlite"))]
    if lonely := [file for file in there if file not in listed]:
        wrong.append(
            f"{_some(lonely)} {'is' if len(lonely) == 1 else 'are'} not in the catalogue: "
            "'promptrec doctor --rebuild' lists what is in the folders"
        )
    if gone := [row.name for row in datasets if not (home.root / row.file).is_file()]:
        wrong.append(
            f"the file of dataset {_some(gone)} is gone: 'promptrec dataset delete' removes the row, "
            "or put the file back"
        )
    if gone := [row.name for row in list_models(workspace) if not Path(row.folder).is_dir()]:
        wrong.append(f"the folder of model {_some(gone)} is gone: add the model again, or put it back")
    runs = {row.id for row in list_runs(workspace)}
    if lonely := [folder.id for folder in run_folders(home) if folder.id not in runs]:
        wrong.append(f"run {_some(lonely)} has a folder and is not listed: 'promptrec doctor --rebuild'")
    summary = f"{len(datasets)} datasets and {len(runs)} runs, as the catalogue lists them"
    return Finding("files", not wrong, "; ".join(wrong) or summary)


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _privacy(home: Home) -> Finding:
    if is_open(home.root):
        return Finding(
            "privacy", False, f"{home.root} is open to others: its file system does not support file modes"
        )
    if parent := exposed_at(home.root):
        return Finding(
            "privacy",
            False,
            f"other users may write into {parent}, and put another folder in the place of the home: "
            f"take that right away, or set {VARIABLE} to a folder elsewhere",
        )
    return Finding("privacy", True, "only you can read the home")


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.root if home.root.exists() else home.root.parent).free
    return Finding("disk", free > ENOUGH_BYTES, f"{free / 1e9:.1f} GB free")


def _embedded() -> Finding:
    if not EMBEDDED.is_dir():
        return Finding("embedded model", False, f"missing from {EMBEDDED}: install promptrec again")
    check = check_model(EMBEDDED)
    summary = f"{check.model_type}, {check.parameters:,} parameters" if check.ok else " ".join(check.problems)
    return Finding("embedded model", check.ok, summary)


def _gpus() -> list[Finding]:
    gpus = installed_gpus()
    if not gpus:
        return []
    if not any(gpu.total for gpu in gpus):
        return [Finding("GPUs", True, f"{len(gpus)}; what others use of them is not seen. {nvml_trouble()}")]
    room = (f"GPU {gpu.index} {gpu.free / GIB:.0f} of {gpu.total / GIB:.0f} GiB free" for gpu in gpus)
    return [Finding("GPUs", True, ", ".join(room))]


def _torch() -> Finding:
    """Whether torch works, and uses the GPUs of this machine."""
    try:
        torch = ask_torch()
    except UserError as error:
        return Finding("torch", False, str(error))
    if torch.cuda or not installed_gpus():
        return Finding("torch", True, str(torch))
    advice = (
        "the GPU here stays unused. Install a torch with CUDA that fits the driver, or set run.device=cpu"
    )
    return Finding("torch", False, f"{torch}; {advice}")


def _logout() -> Finding:
    survival = survival_from_here()
    return Finding("survives logout", survival.answer != "no", f"{survival.answer}: {survival.why}")
