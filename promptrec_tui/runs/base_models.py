"""The folder of a run's base model: the one that the spec names, or the one it was moved to."""

import shlex
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import is_folder, read_json, sha256_folder, write_json
from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import ModelRef, RunSpec

EMBEDDED_ID = "tiny"


def base_folder(home: Home, reference: ModelRef) -> Path:
    """The folder of a run's base model: the one in its spec, or the place noted by `note_move`.

    The embedded model is found where this installation has it. Raises UserError when the folder is gone.
    """
    folder = Path(reference.folder)
    if is_folder(folder):
        return folder
    moved = _moves(home).get(reference.sha256)
    if isinstance(moved, str) and is_folder(Path(moved)):
        return Path(moved)
    embedded = resource("sample_data") / "models" / "tiny"
    if reference.id == EMBEDDED_ID and sha256_folder(embedded) == reference.sha256:
        return embedded
    raise UserError(gone_sentence(folder, reference.name))


def placed_spec(folder: RunFolder) -> RunSpec:
    """The spec of a run with the present folder of its base model. Raises UserError when it is gone."""
    spec = folder.spec()
    place = str(base_folder(folder.home, spec.model))
    return spec.model_copy(update={"model": spec.model.model_copy(update={"folder": place})})


def gone_sentence(folder: Path, model: str) -> str:
    """What to say of a base model whose folder is not there."""
    name = shlex.quote(model)
    return (
        f"The folder {folder} of the base model {model} is gone: put it back, or point to its new place with "
        f"'promptrec model move {name} FOLDER'."
    )


def note_move(home: Home, sha256: str, folder: Path) -> None:
    """Record in the home that the model folder with this SHA-256 is `folder` now."""
    write_json(_file(home), {**_moves(home), sha256: str(folder)})


def _file(home: Home) -> Path:
    return home.models / "moved.json"


def _moves(home: Home) -> dict[str, object]:
    """The noted places by SHA-256; nothing where the file is missing or damaged."""
    try:
        places = read_json(_file(home))
    except (OSError, ValueError):
        return {}
    return places if isinstance(places, dict) else {}
