"""What a person does with base models."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import sha256_folder
from promptrec_tui.models.check import ModelCheck as ModelCheck
from promptrec_tui.models.check import check_model
from promptrec_tui.models.download import download_model, plan_download
from promptrec_tui.store import models as store
from promptrec_tui.store.models import ModelRow as ModelRow
from promptrec_tui.text import path_text
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace, now

Progress = Callable[[str, int, int], None]


def list_models(workspace: Workspace) -> list[ModelRow]:
    """All base models, the embedded one first."""
    return store.list_models(workspace.catalogue)


def find_model(workspace: Workspace, model: str) -> ModelRow:
    """The model of that name or id. Raises UserError with the nearest name."""
    return store.find_model(workspace.catalogue, model)


def check_folder(path: Path) -> ModelCheck:
    """Look a model folder over without loading it: is it safe, complete, and of a known kind?"""
    return check_model(path)


def check_listed(workspace: Workspace, model: str) -> ModelCheck:
    """`check_folder` of a listed model."""
    return check_model(Path(find_model(workspace, model).folder))


def add_model(workspace: Workspace, source: str, name: str, progress: Progress | None = None) -> ModelRow:
    """List a local folder (used where it lies), or download a hub id into the home and list that.

    Raises UserError when the name is taken, the folder fails the check, or the disk is too small.
    """
    check_name("model", name, [row.name for row in list_models(workspace)])
    identity = secrets.token_hex(4)
    local = Path(source).expanduser()
    if path_text(local) != str(local):
        raise UserError(f"The name of {path_text(local)} is not UTF-8, so it cannot be noted: rename it.")
    if local.is_dir():
        folder = local.resolve()
    elif source.startswith((".", "/", "~")):
        raise UserError(f"There is no folder {source}: give a folder with config.json, or a hub id.")
    else:
        folder = _download(workspace, source, progress)
    check = check_model(folder)
    if not check.ok:
        raise UserError(f"{source} cannot be used: {' '.join(check.problems)}")
    row = ModelRow(
        id=identity,
        name=name,
        folder=str(folder),
        sha256=sha256_folder(folder),
        family=check.family,
        model_type=check.model_type,
        parameters=check.parameters,
        embedded=False,
        source=source,
        created=now(),
    )
    store.add_model(workspace.catalogue, row)
    return row


def _download(workspace: Workspace, hub_id: str, progress: Progress | None) -> Path:
    plan = plan_download(hub_id)
    free = shutil.disk_usage(workspace.home.models).free
    if progress:
        progress(f"{hub_id}: {plan.size / 1e6:,.0f} MB to fetch, {free / 1e9:,.1f} GB free", 0, plan.size)
    if plan.size * 1.1 > free:
        raise UserError(
            f"{hub_id} needs {plan.size / 1e9:.1f} GB and {workspace.home.models} has {free / 1e9:.1f} GB: "
            "make room, or set PROMPTREC_HOME to another disk."
        )
    # The id's own folder, so that a download cut short goes on where it stopped.
    target = workspace.home.models / hub_id.replace("/", "--")
    download_model(hub_id, target, progress)
    return target
