"""One open home: its folders and its catalogue, with the built-in templates and the embedded model listed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from promptrec_tui.datasets.staging import sweep
from promptrec_tui.files import sha256_folder
from promptrec_tui.home import Home
from promptrec_tui.models.check import check_model
from promptrec_tui.models.embedded import EMBEDDED
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.runs.base_models import EMBEDDED_ID as EMBEDDED_NAME
from promptrec_tui.runs.folder import run_folders
from promptrec_tui.store.backup import copies
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.models import ModelRow, add_model, delete_model, list_models
from promptrec_tui.store.templates import add_template, list_templates
from promptrec_tui.workspace.names import free_name


@dataclass(frozen=True)
class Workspace:
    """An open home: what every function of the workspace works on."""

    home: Home
    catalogue: Catalogue
    recovered: str = ""
    """What was recovered, as a sentence, if the catalogue was missing and was rebuilt at the opening."""

    notes: dict[str, None] = field(default_factory=dict)
    """Messages for the user besides the results of functions, each sentence once."""


def now() -> str:
    """The current time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def open_workspace(home: Home) -> Workspace:
    """Create the home if needed, migrate its catalogue, and list the model and templates of promptrec itself.

    A used home without a catalogue gets a new one from its folders; `recovered` says so. A catalogue of a
    newer version is opened for reading only; its `read_only` says so. Raises UserError when the home cannot
    be written, or its catalogue is damaged or cannot be read.
    """
    home.create()
    sweep(home.datasets)
    recovered = ""
    if is_lost(home):
        # Imported here because it loads the whole workspace and is rarely needed.
        from promptrec_tui.workspace.rebuild import recover

        recovered = recover(home)
    return open_as_it_stands(home, recovered)


def open_as_it_stands(home: Home, recovered: str = "") -> Workspace:
    """`open_workspace` for an existing home, without the search for a lost catalogue."""
    workspace = Workspace(home, open_catalogue(home), recovered)
    if not workspace.catalogue.read_only:
        _list_embedded_model(workspace)
        _list_builtin_templates(workspace)
    return workspace


def is_lost(home: Home) -> bool:
    """Whether the home was used but has no catalogue, or an incomplete one."""
    if _size(home.rebuilding):
        return True
    if _size(home.database):
        return False
    traces = (home.datasets.glob("*.sqlite"), run_folders(home), home.models.iterdir(), copies(home))
    return any(True for paths in traces for _ in paths)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def opened(home: Home) -> Iterator[Workspace]:
    """`open_workspace`, closed at the end of the block."""
    workspace = open_workspace(home)
    try:
        yield workspace
    finally:
        workspace.catalogue.close()


def _list_embedded_model(workspace: Workspace) -> None:
    if not EMBEDDED.is_dir():
        return
    sha256 = sha256_folder(EMBEDDED)
    listed = list_models(workspace.catalogue)
    for row in listed:
        if row.embedded:
            if (row.folder, row.sha256) == (str(EMBEDDED), sha256):
                return
            # Another installation listed it: its files may be missing or different now.
            delete_model(workspace.catalogue, row.id)
            listed.remove(row)
            break
    check = check_model(EMBEDDED)
    add_model(
        workspace.catalogue,
        ModelRow(
            id=EMBEDDED_NAME,
            name=free_name(EMBEDDED_NAME, [row.name for row in listed]),
            folder=str(EMBEDDED),
            sha256=sha256,
            family=check.family,
            model_type=check.model_type,
            parameters=check.parameters,
            embedded=True,
            source="shipped with promptrec",
            created=now(),
        ),
    )


def _list_builtin_templates(workspace: Workspace) -> None:
    known = {row.sha256 for row in list_templates(workspace.catalogue) if row.builtin}
    for template in builtin_templates():
        if template.sha256 not in known:
            add_template(workspace.catalogue, template, builtin=True)
