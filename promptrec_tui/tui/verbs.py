"""What screens ask of the workspace. Each verb imports what it needs when it runs, in the backend's thread.

Add a verb here for everything that a new screen asks; put several questions that belong together into one verb,
so that a screen shows one moment.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow, Item, Row, User
    from promptrec_tui.workspace.models import ModelRow
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.runs import NewRun, PreviewRow, RunRow
    from promptrec_tui.workspace.templates import TemplateRow

Points = list[tuple[int, float | None]]

METRICS = (
    "train_loss",
    "validation_loss",
    "ndcg@10",
    "hr@10",
    "mrr@10",
    "learning_rate",
    "targets_per_second",
)

LOG_BYTES = 256 * 1024


@dataclass(frozen=True)
class RunView:
    """All that the screen of one run shows, at one moment."""

    row: "RunRow"
    curves: dict[str, Points]
    baselines: dict[str, dict[str, float | None]]
    previews: "tuple[PreviewRow, ...]"
    metrics: dict[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class LogPiece:
    """Whole lines of a log file, and the byte after them."""

    path: Path
    text: str
    offset: int


def runs(workspace: "Workspace") -> "list[RunRow]":
    """All runs as their folders say, newest first."""
    from promptrec_tui.workspace.runs import list_runs, refresh

    refresh(workspace)
    return list_runs(workspace)


def run_view(workspace: "Workspace", run: str, points: int = 400) -> RunView:
    """One run with its curves, the baselines measured on validation, previews and result."""
    from promptrec_tui.workspace import runs as verbs

    document = verbs.run_document(workspace, run)
    evaluations = verbs.run_evaluations(workspace, run)
    return RunView(
        row=verbs.find_run(workspace, run),
        curves=verbs.curves(workspace, run, METRICS, points),
        baselines={
            row.name: row.metrics
            for row in evaluations
            if row.stage == "validation" and row.name not in ("tuned", "untuned")
        },
        previews=tuple(verbs.run_previews(workspace, run)),
        metrics=document["metrics"],
        warnings=tuple(document["warnings"]),
    )


def loss_curves(workspace: "Workspace", run: str) -> dict[str, Points]:
    """The two losses of a run, for the chart beside the list."""
    from promptrec_tui.workspace.runs import curves

    return curves(workspace, run, ("train_loss", "validation_loss"), 400)


def run_config(workspace: "Workspace", run: str) -> str:
    """The resolved spec of a run."""
    from promptrec_tui.workspace.runs import run_config as config

    return config(workspace, run)


def read_log(workspace: "Workspace", run: str, known: Path | None, offset: int) -> LogPiece:
    """What the log of a run's last attempt has after byte `offset` of `known`; another file begins near its end."""
    from promptrec_tui.workspace.runs import log_path

    path = log_path(workspace, run)
    try:
        size = path.stat().st_size
        if path != known or size < offset:
            offset = max(0, size - LOG_BYTES)
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(LOG_BYTES)
    except FileNotFoundError:
        return LogPiece(path, "", 0)
    # A line still being written stays for the next time.
    whole = data[: data.rfind(b"\n") + 1]
    return LogPiece(path, whole.decode("utf-8", "replace"), offset + len(whole))


def stop_run(workspace: "Workspace", run: str) -> "RunRow":
    """Stop a run."""
    from promptrec_tui.workspace.runs import stop_run as stop

    return stop(workspace, run)


def pause_run(workspace: "Workspace", run: str) -> "RunRow":
    """Pause a run."""
    from promptrec_tui.workspace.runs import pause_run as pause

    return pause(workspace, run)


def resume_run(workspace: "Workspace", run: str) -> "RunRow":
    """Queue a run again."""
    from promptrec_tui.workspace.runs import resume_run as resume

    return resume(workspace, run)


def delete_run(workspace: "Workspace", run: str) -> "RunRow":
    """Delete a run."""
    from promptrec_tui.workspace.runs import delete_run as delete

    return delete(workspace, run)


def new_run_defaults(workspace: "Workspace") -> "NewRun":
    """A run form with every default filled in."""
    from promptrec_tui.workspace.runs import new_run_defaults as defaults

    return defaults(workspace)


def start_run(workspace: "Workspace", new: "NewRun") -> "RunRow":
    """Queue a new run."""
    from promptrec_tui.workspace.runs import start_run as start

    return start(workspace, new)


def start_demo(workspace: "Workspace") -> "RunRow":
    """Import the sample data and start the sample run, each once."""
    from promptrec_tui.workspace.demo import start_demo as start

    return start(workspace)


def datasets(workspace: "Workspace") -> "list[DatasetRow]":
    """All datasets."""
    from promptrec_tui.workspace.datasets import list_datasets

    return list_datasets(workspace)


def users(workspace: "Workspace", dataset: str, contains: str, limit: int) -> "list[User]":
    """Users whose key contains `contains`."""
    from promptrec_tui.workspace.datasets import dataset_users

    return dataset_users(workspace, dataset, 0, limit, contains)


def titles(workspace: "Workspace", dataset: str, text: str, limit: int) -> "list[Item]":
    """Items whose title begins with or contains `text`."""
    from promptrec_tui.workspace.datasets import find_titles

    return find_titles(workspace, dataset, text, limit)


def history(workspace: "Workspace", dataset: str, user: str) -> "list[Row]":
    """Everything that a user did, oldest first."""
    from promptrec_tui.workspace.datasets import user_history

    return user_history(workspace, dataset, user)


def templates(workspace: "Workspace") -> "list[TemplateRow]":
    """The newest version of every template."""
    from promptrec_tui.workspace.templates import list_templates

    return list_templates(workspace)


def models(workspace: "Workspace") -> "list[ModelRow]":
    """All base models."""
    from promptrec_tui.workspace.models import list_models

    return list_models(workspace)
