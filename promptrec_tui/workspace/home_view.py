"""What goes on in a home at the moment: the runs at work with their time left, the queue, and the machine."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.gpus import Gpu, installed_gpus
from promptrec_tui.runs.states import ACTIVE, State
from promptrec_tui.workspace.checklist import Left
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.run_document import steps_left
from promptrec_tui.workspace.runs import RunRow


@dataclass(frozen=True)
class Machine:
    """What is free, in bytes."""

    gpus: tuple[Gpu, ...]
    memory_free: int
    memory: int
    disk_free: int


@dataclass(frozen=True)
class HomeView:
    """`running`: the runs at work, with the time left where it is known. `queued`: names, the next first."""

    running: tuple[tuple[RunRow, Left | None], ...]
    queued: tuple[str, ...]
    machine: Machine


def home_view(workspace: Workspace, rows: Sequence[RunRow], known: Machine | None = None) -> HomeView:
    """What `rows`, all runs, and the machine say at the moment. A machine that is `known` is not asked: a
    driver may take long to answer."""
    queued = [row for row in rows if row.state == State.QUEUED and row.queue]
    queued.sort(key=lambda row: row.queue.place if row.queue else 0)
    active = [row for row in rows if row.state in ACTIVE]
    return HomeView(
        tuple((row, _left(workspace, row)) for row in active),
        tuple(row.name for row in queued),
        known or machine(workspace),
    )


def machine(workspace: Workspace) -> Machine:
    """GPUs, memory and the disk of the home, as they are now."""
    memory = psutil.virtual_memory()
    free = shutil.disk_usage(workspace.home.root).free
    return Machine(tuple(installed_gpus()), memory.available, memory.total, free)


def _left(workspace: Workspace, row: RunRow) -> Left | None:
    try:
        spec = RunFolder(workspace.home.runs / row.id).spec()
    except UserError:
        return None  # the run says itself what is wrong with its folder
    return steps_left(workspace, row, spec)[1]
