"""What screens ask of one run. Each verb imports what it needs when it runs, in the backend's thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptrec_tui.workspace.control import Asked
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import NewRun, RunRow


def stop_run(workspace: "Workspace", run: str) -> "Asked":
    """Stop a run."""
    from promptrec_tui.workspace import control

    return control.stop_run(workspace, run)


def pause_run(workspace: "Workspace", run: str) -> "Asked":
    """Pause a run."""
    from promptrec_tui.workspace import control

    return control.pause_run(workspace, run)


def checkpoint_run(workspace: "Workspace", run: str) -> "Asked":
    """Have a run save a checkpoint."""
    from promptrec_tui.workspace import control

    return control.checkpoint_run(workspace, run)


def kill_run(workspace: "Workspace", run: str) -> "Asked":
    """End a run's processes."""
    from promptrec_tui.workspace import control

    return control.kill_run(workspace, run)


def answer(workspace: "Workspace", asked: "Asked") -> str | None:
    """What came of a request; None while it waits."""
    from promptrec_tui.workspace import control

    return control.answer(workspace, asked)


def resume_run(workspace: "Workspace", run: str) -> "RunRow":
    """Queue a run again."""
    from promptrec_tui.workspace import control

    return control.resume_run(workspace, run)


def delete_run(workspace: "Workspace", run: str) -> "RunRow":
    """Delete a run."""
    from promptrec_tui.workspace.runs import delete_run as delete

    return delete(workspace, run)


@dataclass(frozen=True)
class Descendant:
    """A new run out of an old one, as the form shows it.

    `settings`: the old one's as a person writes them; `changes`: others, which may spare it a failure.
    """

    new: "NewRun"
    settings: dict[str, str]
    changes: dict[str, str]
    heading: str


def fork(workspace: "Workspace", run: str) -> Descendant:
    """A fork of a run; what may spare it the same failure is filled in."""
    from promptrec_tui.workspace import lineage

    heading = f"Fork of {_name(workspace, run)}"
    return _descendant(lineage.fork(workspace, run), lineage.remedy(workspace, run), heading)


def continuation(workspace: "Workspace", run: str) -> Descendant:
    """A run that starts from the adapter of another one."""
    from promptrec_tui.workspace import lineage

    heading = f"Starts from the adapter of {_name(workspace, run)}"
    return _descendant(lineage.continuation(workspace, run), {}, heading)


def _descendant(new: "NewRun", changes: Mapping[str, Any], heading: str) -> Descendant:
    from promptrec_tui.tui.verbs import written

    return Descendant(
        new,
        {key: written(value) for key, value in new.settings.items()},
        {key: written(value) for key, value in changes.items()},
        heading,
    )


def _name(workspace: "Workspace", run: str) -> str:
    from promptrec_tui.workspace.runs import find_run

    return find_run(workspace, run).name
