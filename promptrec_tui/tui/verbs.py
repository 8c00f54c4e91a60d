"""What screens ask of the workspace. Each verb imports what it needs when it runs, in the backend's thread.

Add a verb here for everything that a new screen asks. Questions that belong together are one verb, so that a
screen shows one moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptrec_tui.workspace.datasets import DatasetRow, Example, Item, Row, User
    from promptrec_tui.workspace.models import ModelCheck, ModelRow
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.queue import Where
    from promptrec_tui.workspace.rendering import Rendering
    from promptrec_tui.workspace.runs import NewRun, PreviewRow, RunRow
    from promptrec_tui.workspace.templates import TemplateRow

Points = list[tuple[int, float | None]]

LOG_BYTES = 256 * 1024


@dataclass(frozen=True)
class RunView:
    """All that the screen of one run shows, at one moment."""

    row: "RunRow"
    leading: tuple[str, str]
    """The two metrics that are shown, the leading one first."""
    noun: str
    """What a case is called."""
    monitor_users: int
    """How many cases the validation curves are of."""
    users: int | None
    """How many cases the test is of; None before it."""
    curves: dict[str, Points]
    baselines: dict[str, dict[str, float | None]]
    previews: "tuple[PreviewRow, ...]"
    metrics: dict[str, Any]
    computing: str
    """Device, precision and attention kernel of the last attempt; empty before its model is loaded."""
    warnings: tuple[str, ...]
    log_tail: tuple[str, ...]
    """The last lines of a failed run's log."""
    survives_logout: str
    """The answer and the reason in one sentence."""
    stalled: str
    """What to do about a run that does not get on; empty for all others."""


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
    evaluation = document["spec"]["settings"]["evaluation"]
    task = document["spec"]["task"]
    leading = verbs.leading_metrics(task, evaluation["k"])
    survives = document["survives_logout"]
    names = ("train_loss", "validation_loss", *leading, "learning_rate", "targets_per_second")
    return RunView(
        row=verbs.find_run(workspace, run),
        leading=leading,
        noun=verbs.case_noun(task),
        # As many as were measured: a small dataset has fewer than were asked for.
        monitor_users=next(
            (row.users for row in evaluations if row.stage == "validation"), evaluation["monitor_users"]
        ),
        users=document["users"],
        curves=verbs.curves(workspace, run, names, points),
        baselines={
            row.name: row.metrics
            for row in evaluations
            if row.stage == "validation" and row.name not in ("tuned", "untuned")
        },
        previews=tuple(verbs.run_previews(workspace, run)),
        metrics=document["metrics"],
        computing=computing_text(document["computing"]),
        warnings=tuple(document["warnings"]),
        log_tail=tuple(document["log_tail"]),
        survives_logout=f"survives logout: {survives['answer']}. {survives['why']}",
        stalled=verbs.STALLED if document["stalled"] else "",
    )


def computing_text(found: dict[str, str] | None) -> str:
    """What a run computes with, as `run show` says it too."""
    return "computes on {device}, {precision}, {attention} attention".format(**found) if found else ""


def loss_curves(workspace: "Workspace", run: str) -> dict[str, Points]:
    """The two losses of a run, for the chart beside the list."""
    from promptrec_tui.workspace.runs import curves

    return curves(workspace, run, ("train_loss", "validation_loss"), 400)


def run_config(workspace: "Workspace", run: str) -> str:
    """The resolved spec of a run."""
    from promptrec_tui.workspace.runs import run_config as config

    return config(workspace, run)


def read_log(workspace: "Workspace", run: str, known: Path | None, offset: int) -> LogPiece:
    """What a run's log has after byte `offset` of the file `known`; another file begins near its end."""
    from promptrec_tui.files import open_regular
    from promptrec_tui.workspace.runs import log_path

    path = log_path(workspace, run)
    try:
        size = path.stat().st_size
        if path != known or size < offset:
            offset = max(0, size - LOG_BYTES)
        with open_regular(path) as file:
            file.seek(offset)
            data = file.read(LOG_BYTES)
    except OSError:
        return LogPiece(path, "", 0)
    # A line still being written stays for the next time.
    whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == LOG_BYTES else b"")
    return LogPiece(path, whole.decode("utf-8", "replace"), offset + len(whole))


def move_run(workspace: "Workspace", run: str, where: "Where") -> "RunRow":
    """Move a waiting run up, down or to the top of the queue."""
    from promptrec_tui.workspace.queue import move_run as move

    return move(workspace, run, where)


def hold_run(workspace: "Workspace", run: str) -> "RunRow":
    """Keep a waiting run from starting."""
    from promptrec_tui.workspace.queue import hold_run as hold

    return hold(workspace, run)


def release_run(workspace: "Workspace", run: str) -> "RunRow":
    """Let a held run go, or the queue that a failed run holds."""
    from promptrec_tui.workspace.queue import release_run as release

    return release(workspace, run)


def set_priority(workspace: "Workspace", run: str, priority: int) -> "RunRow":
    """Set the priority of a waiting run."""
    from promptrec_tui.workspace.queue import set_priority as set_

    return set_(workspace, run, priority)


def set_after_failure(workspace: "Workspace", run: str, go_on: bool) -> "RunRow":
    """Say whether the queue goes on after a failure of a run."""
    from promptrec_tui.workspace.queue import set_after_failure as set_

    return set_(workspace, run, go_on)


def move_queue(workspace: "Workspace") -> None:
    """Have the queue looked at."""
    from promptrec_tui.workspace.queue import spawn_dispatch

    spawn_dispatch(workspace.home)


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


def history(workspace: "Workspace", dataset: str, user: str) -> "tuple[Mapping[str, str], list[Row]]":
    """The attributes of a user, and everything that the user did, oldest first."""
    from promptrec_tui.workspace.datasets import user_profile

    return user_profile(workspace, dataset, user)


def templates(workspace: "Workspace") -> "list[TemplateRow]":
    """The newest version of every template."""
    from promptrec_tui.workspace.templates import list_templates

    return list_templates(workspace)


def models(workspace: "Workspace") -> "list[ModelRow]":
    """All base models."""
    from promptrec_tui.workspace.models import list_models

    return list_models(workspace)


def user_page(
    workspace: "Workspace", dataset: str, start: int, limit: int, contains: str = ""
) -> "list[User]":
    """Users from a user id on; the next page starts at the last one's id + 1."""
    from promptrec_tui.workspace.datasets import dataset_users

    return dataset_users(workspace, dataset, start, limit, contains)


def row_page(workspace: "Workspace", dataset: str, start: int, limit: int) -> "list[Row]":
    """Interactions from a row number on."""
    from promptrec_tui.workspace.datasets import dataset_rows

    return dataset_rows(workspace, dataset, start, limit)


def example_page(workspace: "Workspace", dataset: str, start: int, limit: int) -> "list[Example]":
    """Labelled texts from a number on."""
    from promptrec_tui.workspace.datasets import dataset_examples

    return dataset_examples(workspace, dataset, start, limit)


def delete_dataset(workspace: "Workspace", dataset: str) -> "DatasetRow":
    """Delete a dataset that no run uses."""
    from promptrec_tui.workspace.datasets import delete_dataset as delete

    return delete(workspace, dataset)


def rendering(
    workspace: "Workspace", dataset: str, template: str, user: str | None, model: str
) -> "Rendering":
    """The validation target of a user, or of the first one, as prompt and completion."""
    from promptrec_tui.workspace.rendering import render_template

    return render_template(workspace, dataset, template, user, model)


def model_check(workspace: "Workspace", model: str) -> "ModelCheck":
    """What a look at a listed model's folder finds."""
    from promptrec_tui.workspace.models import check_listed

    return check_listed(workspace, model)


@dataclass(frozen=True)
class Welcome:
    """What to say when the app is opened: what happened meanwhile, and what is wrong with the place."""

    news: str
    warning: str


def welcome(workspace: "Workspace", last: dict[str, Any]) -> Welcome:
    """What happened since the session `last` was saved."""
    from promptrec_tui.workspace.maintenance import tend
    from promptrec_tui.workspace.session_news import broken_off, meanwhile

    news = []
    match last:
        case {"at": float(since), "seen": dict(seen)}:
            news.append(meanwhile(workspace, seen, since))
    match last:
        case {"work": {"noun": "dataset" | "model" as noun, "name": str(name)}}:
            news.append(broken_off(workspace, noun, name))
    return Welcome(" ".join(part for part in news if part), " ".join(tend(workspace)))


@dataclass(frozen=True)
class RunChoices:
    """What the form of a new run offers, and its defaults."""

    defaults: "NewRun"
    datasets: tuple[str, ...]
    templates: tuple[str, ...]
    models: tuple[str, ...]


def run_choices(workspace: "Workspace") -> "RunChoices | None":
    """The names to choose from, and the defaults; None while there is no dataset."""
    if not (rows := datasets(workspace)):
        return None
    defaults = new_run_defaults(workspace)
    return RunChoices(
        defaults,
        tuple(row.name for row in rows),
        tuple(row.name for row in templates(workspace)),
        tuple(row.name for row in models(workspace)),
    )


def run_defaults(
    workspace: "Workspace", new: "NewRun", dataset: str, template: str, model: str
) -> dict[str, str]:
    """The name and the value of every spec key that a run has by default, by its task and its method."""
    from promptrec_tui.workspace.runs import free_run_name, make_spec

    task = task_of(workspace, template)
    method = {key: value for key, value in new.settings.items() if key == "tuning.method"}
    spec = make_spec(workspace, replace(new, task=task, template=template, model=model, settings=method))
    settings = {
        f"{group}.{key}": written(value)
        for group, part in spec.settings.model_dump().items()
        for key, value in part.items()
    }
    return {"name": free_run_name(workspace, dataset, model), **settings}


def tuning_methods(workspace: "Workspace") -> list[str]:
    """The names of the tuning methods."""
    from promptrec_tui.workspace.runs import tuning_methods as methods

    return methods()


def of_method(workspace: "Workspace", settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a form without those of other tuning methods than its own."""
    from promptrec_tui.workspace.runs import of_method as own

    return own(settings)


def task_of(workspace: "Workspace", template: str) -> str:
    """The task that a template asks."""
    from promptrec_tui.workspace.templates import find_template

    return find_template(workspace, template).task


def written(value: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(value, tuple | list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
