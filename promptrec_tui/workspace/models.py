"""List, check, add and move base models."""

import secrets
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from promptrec_tui.clock import now
from promptrec_tui.errors import UserError
from promptrec_tui.files import is_folder, sha256_folder
from promptrec_tui.models.check import ModelCheck as ModelCheck
from promptrec_tui.models.check import check_model as check_model
from promptrec_tui.models.download import download_model, plan_download
from promptrec_tui.models.tokenizer_trial import tokenizer_problem
from promptrec_tui.runs.base_models import gone_sentence as gone_sentence
from promptrec_tui.runs.base_models import note_move
from promptrec_tui.store import models as store
from promptrec_tui.store.models import ModelRow as ModelRow
from promptrec_tui.text import path_text
from promptrec_tui.workspace.child_processes import ask_child
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace

Progress = Callable[[str, int, int], None]


def list_models(workspace: Workspace) -> list[ModelRow]:
    """All base models, the embedded one first."""
    return store.list_models(workspace.catalogue)


def find_model(workspace: Workspace, model: str) -> ModelRow:
    """The model of that name or id. Raises UserError with the nearest name."""
    return store.find_model(workspace.catalogue, model)


def folder_exists(row: ModelRow) -> bool:
    """Whether the folder of a listed model still exists."""
    return is_folder(Path(row.folder))


def check_folder(path: Path) -> ModelCheck:
    """Check a model folder without loading the model: is it safe, complete, and of a known type?

    If the files pass, its tokenizer is tried too, in a child process.
    """
    check = check_model(path)
    problem = tokenizer_problem(path) if check.ok else ""
    return replace(check, ok=False, problems=(problem,)) if problem else check


def check_listed(workspace: Workspace, model: str) -> ModelCheck:
    """`check_folder` of a listed model."""
    row = find_model(workspace, model)
    folder = Path(row.folder)
    if not is_folder(folder):
        return replace(check_model(folder), problems=(gone_sentence(folder, row.name),))
    return check_folder(folder)


def add_model(workspace: Workspace, source: str, name: str, progress: Progress | None = None) -> ModelRow:
    """Add a local folder (used in place), or a folder in the home that is made of a GGUF file or downloaded.

    Raises UserError when the name exists, the folder fails the check, or the disk is too small.
    """
    check_name("model", name, [row.name for row in list_models(workspace)])
    identity = secrets.token_hex(4)
    local = Path(source).expanduser()
    if path_text(local) != str(local):
        raise UserError(f"The name of {path_text(local)} is not UTF-8, so it cannot be recorded: rename it.")
    if local.is_dir():
        folder = local.resolve()
    elif local.is_file() and local.suffix.casefold() == ".gguf":
        folder = _convert(workspace, local.resolve(), identity, progress)
    elif source.startswith((".", "/", "~")):
        raise UserError(
            f"There is no folder {source}: give a folder with config.json, a GGUF file, or a hub id."
        )
    else:
        folder = _download(workspace, source, progress)
    check = _usable(folder, source)
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


def move_model(workspace: Workspace, model: str, folder: str) -> ModelRow:
    """Record that the files of a listed model are in `folder` now, also for runs that were made with it.

    Raises UserError when the folder does not hold exactly the same files.
    """
    row = find_model(workspace, model)
    if row.embedded:
        raise UserError(f"{row.name} comes with promptrec and cannot be moved.")
    place = Path(folder).expanduser().resolve()
    _usable(place, folder)
    if sha256_folder(place) != row.sha256:
        raise UserError(
            f"{folder} does not hold the files that {row.name} had when it was added (another SHA-256): "
            f"list it under another name with 'promptrec model add {shlex.quote(folder)} --name NAME'."
        )
    store.move_model(workspace.catalogue, row.id, str(place))
    note_move(workspace.home, row.sha256, place)
    return find_model(workspace, row.id)


def _usable(folder: Path, source: str) -> ModelCheck:
    """The check of a folder that `source` names. Raises UserError when the model cannot be used."""
    check = check_folder(folder)
    if not check.ok:
        raise UserError(f"{source} cannot be used: {' '.join(check.problems)}")
    return check


def _convert(workspace: Workspace, file: Path, identity: str, progress: Progress | None) -> Path:
    """A folder of safetensors in fp32, made of a GGUF file."""
    # Eight times the file: fp32 against the four bits of the smallest usual format.
    needed, free = 8 * file.stat().st_size, shutil.disk_usage(workspace.home.models).free
    if needed > free:
        raise UserError(
            f"{file} may need {needed / 1e9:.1f} GB as a folder and {workspace.home.models} has "
            f"{free / 1e9:.1f} GB: make room, or set PROMPTREC_HOME to another disk."
        )
    target = workspace.home.models / f"{file.stem}-{identity}"
    module = "promptrec_tui.models.gguf_conversion"
    ask_child(
        workspace,
        module,
        str(file),
        str(target),
        log="conversion.log",
        work="conversion of the GGUF file",
        progress=progress,
    )
    return target


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
    # A folder named after the id, so that an interrupted download can be resumed.
    target = workspace.home.models / hub_id.replace("/", "--")
    download_model(hub_id, target, progress)
    return target
