"""One open home: its folders and its catalogue, with the built-in templates and the embedded model listed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from promptrec_tui.datasets.staging import sweep
from promptrec_tui.home import Home
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.workspace.rebuild import is_lost, recover
from promptrec_tui.workspace.shipped import list_shipped


@dataclass(frozen=True)
class Workspace:
    """An open home: what every function of the workspace works on."""

    home: Home
    catalogue: Catalogue
    recovered: str = ""
    """What was recovered, as a sentence, if the catalogue was missing and was rebuilt at the opening."""

    notes: dict[str, None] = field(default_factory=dict)
    """Messages for the user besides the results of functions, each sentence once."""


def open_workspace(home: Home) -> Workspace:
    """Create the home if needed, migrate its catalogue, and list the model and templates of promptrec itself.

    A used home without a catalogue gets a new one from its folders; `recovered` says so. A catalogue of a
    newer version is opened for reading only; its `read_only` says so. Raises UserError when the home cannot
    be written, or its catalogue is damaged or cannot be read.
    """
    home.create()
    sweep(home.datasets)
    recovered = recover(home) if is_lost(home) else ""
    catalogue = open_catalogue(home)
    if not catalogue.read_only:
        list_shipped(catalogue)
    return Workspace(home, catalogue, recovered)


@contextmanager
def opened(home: Home) -> Iterator[Workspace]:
    """`open_workspace`, closed at the end of the block."""
    workspace = open_workspace(home)
    try:
        yield workspace
    finally:
        workspace.catalogue.close()
