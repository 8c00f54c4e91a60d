"""Regular maintenance of a home, and warnings about its location."""

from promptrec_tui.home import VARIABLE, exposed_at
from promptrec_tui.store.connection import network_type
from promptrec_tui.store.disk_reserve import make_reserve
from promptrec_tui.workspace.opening import Workspace


def maintain_home(workspace: Workspace) -> list[str]:
    """Make the disk reserve; returns warnings about the home, a sentence each."""
    make_reserve(workspace.home)
    warnings = [text for text in (workspace.recovered, workspace.catalogue.read_only) if text]
    if kind := network_type(workspace.home.root):
        warnings.append(network_warning(kind))
    if parent := exposed_at(workspace.home.root):
        warnings.append(f"Other users may write into {parent}: promptrec doctor says more.")
    return warnings


def network_warning(kind: str) -> str:
    """The warning for a home on a network file system of that kind."""
    return (
        f"The home lies on a network file system ({kind}), where the catalogue is slower and locks may fail: "
        f"set {VARIABLE} to a folder on a local disk."
    )


def reserve_finding(workspace: Workspace) -> tuple[bool, str]:
    """Whether there is a disk reserve, and a sentence about it."""
    if make_reserve(workspace.home):
        size = workspace.home.disk_reserve.stat().st_size
        return True, f"{size >> 20} MB are reserved for a full disk"
    return False, "nothing is reserved for a full disk: there is too little free space"
