"""`promptrec run`: start, list, show, logs, pause, resume, stop, delete, dispatch."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from promptrec_tui.badges import badge_of, step_badge
from promptrec_tui.cli import check, control, label, queue
from promptrec_tui.cli.output import (
    FormOption,
    JsonOption,
    TableForm,
    print_json,
    print_listing,
    print_table,
    show,
    workspace,
)
from promptrec_tui.cli.settings import SetOption, WithKeys, parse_settings
from promptrec_tui.cli.waiting import wait_for
from promptrec_tui.errors import UserError
from promptrec_tui.home import find_home
from promptrec_tui.run_fields import NEWEST_FIRST, NUMBERS, TEXTS, Sort, arranged
from promptrec_tui.run_filter import asks_for_archived, run_filter
from promptrec_tui.text import (
    cases_text,
    clean,
    count_text,
    digits,
    duration_text,
    few_cases,
    figure_text,
    left_text,
    metric_text,
    protocol_text,
    shares_text,
)
from promptrec_tui.workspace import runs
from promptrec_tui.workspace.control import resume_run
from promptrec_tui.workspace.dispatch import dispatch
from promptrec_tui.workspace.exports import figures_of, run_listing
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.run_views import weakest_labels
from promptrec_tui.workspace.settings import read_settings_toml

app = typer.Typer(help="Tuning runs.", no_args_is_help=True)

TASK_HELP = f"What is asked: {' or '.join(runs.task_names())}."
COLUMNS = (
    *("name", "state", "queue", "step", "total_steps", "train_loss", "best", "test"),
    *("tags", "dataset", "model", "id"),
)


@app.command("start", cls=WithKeys)
def start_command(
    name: Annotated[str, typer.Option("--name", help="Name of the run.")],
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id of a dataset.")],
    template: Annotated[str, typer.Option("--template", help="Name or id of a template.")],
    model: Annotated[str, typer.Option("--model", help="Name or id of a base model.")],
    task: Annotated[str, typer.Option("--task", help=TASK_HELP)] = "next_item",
    settings: SetOption = None,
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file of spec keys.")] = None,
    hold: queue.HoldOption = False,
    priority: queue.PriorityOption = 0,
    stop_queue: queue.StopOption = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until the run has ended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Queue a run; it continues after this terminal is closed."""
    from promptrec_tui.workspace.new_runs import NewRun, start_run  # slow, and other commands need none of it

    given: dict[str, Any] = read_settings_toml(config) if config else {}
    given.update(parse_settings(settings))
    with workspace() as here:
        new = NewRun(name, dataset, task, template, model, given)
        row = start_run(here, new, hold, priority, continue_after_failure=not stop_queue)
        if wait:
            wait_for(here, row.id)
        _print_run(here, row.id, as_json)
        _exit_unless_done(here, row.id, wait)


app.command("check", cls=WithKeys)(check.check_command)


@app.command("list")
def list_command(
    keep: Annotated[
        str, typer.Argument(metavar="FILTER", help='Such as "state:done ndcg@10>0.1 tag:films -model:tiny".')
    ] = "",
    sort: Annotated[
        str, typer.Option("--sort", metavar="FIELD", help="Such as name, test- (largest first) or rate.")
    ] = "",
    form: FormOption = TableForm.text,
    as_json: JsonOption = False,
) -> None:
    """List the runs, or those that a filter keeps; archived ones only if it says archived."""
    order = _order(sort)
    with workspace() as here:
        runs.refresh(here)
        rows = runs.list_runs(here)
    kept = arranged(filter(run_filter(keep), rows), order)
    if not asks_for_archived(keep) and (hidden := sum(row.archived for row in rows)):
        print(f"promptrec: {hidden} archived not listed: promptrec run list archived", file=sys.stderr)
    for sentence in runs.damaged(rows, here.home):
        print(f"promptrec: {clean(sentence)}", file=sys.stderr)
    listed = [_listed(row) for row in kept]
    if as_json:
        print_json(listed)
    elif form is not TableForm.text:
        print_listing(run_listing(kept), form)
    else:
        shown = [
            {
                **row,
                "queue": queue.place_text(row["queue"]),
                "state": badge_of(row["state"], row["stalled"]).word,
                "best": _best(row["best_metric"], row["best_value"]),
                "test": row["test_value"],
                "tags": " ".join(row["tags"]),
            }
            for row in listed
        ]
        print_table(shown, COLUMNS, "No run has all that." if rows else "No runs yet: promptrec run start")


def _order(sort: str) -> Sort:
    """The order that `--sort` asks for. Raises UserError for an unknown field."""
    field = sort.removesuffix("-")
    if sort and field not in (known := (*TEXTS, *NUMBERS)):
        raise UserError(f"The list cannot be sorted by {clean(field)!r}: name one of {', '.join(known)}.")
    return Sort(field, sort.endswith("-")) if sort else NEWEST_FIRST


def _listed(row: runs.RunRow) -> dict[str, Any]:
    """A run of the list as JSON; `ndcg` is kept for scripts that are older than the other metrics."""
    ndcg = row.best_value if row.best_metric.startswith("ndcg@") else None
    return {**asdict(row), "ndcg": ndcg}


def _best(metric: str, value: float | None) -> str:
    return "" if value is None else f"{value:.4f} {metric_text(metric)}"


@app.command("show")
def show_command(run: str, as_json: JsonOption = False) -> None:
    """Show a run: its state, its files, its metrics with intervals."""
    with workspace() as here:
        runs.refresh(here)
        _print_run(here, run, as_json)


@app.command("logs")
def logs_command(
    run: str,
    lines: Annotated[int, typer.Option("--lines", min=1, help="Number of lines from the end.")] = 200,
) -> None:
    """Print the end of a run's log."""
    with workspace() as here:
        for line in runs.log_tail(here, run, lines):
            print(line)


app.command("pause")(control.pause_command)
app.command("stop")(control.stop_command)
app.command("checkpoint")(control.checkpoint_command)
app.command("kill")(control.kill_command)


@app.command("resume")
def resume_command(
    run: str,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="Do not train: evaluate the present adapter on the test targets."),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until the run has ended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Queue a paused, stopped, failed or interrupted run again."""
    with workspace() as here:
        row = resume_run(here, run, evaluate)
        if wait:
            wait_for(here, row.id)
            _print_run(here, row.id, as_json)
            if not (evaluate and runs.was_evaluated(here, row.id)):
                _exit_unless_done(here, row.id, wait)
        else:
            _print_state(row, as_json, "queued")


@app.command("delete")
def delete_command(run: str, as_json: JsonOption = False) -> None:
    """Delete a run that is not active: its checkpoints, its adapter, its metrics."""
    with workspace() as here:
        _print_state(runs.delete_run(here, run), as_json, "deleted")


app.command("tag", context_settings=label.TAG_WORDS)(label.tag_command)
app.command("note")(label.note_command)
app.command("rename")(label.rename_command)
app.command("pin")(label.pin_command)
app.command("unpin")(label.unpin_command)
app.command("archive")(label.archive_command)
app.command("unarchive")(label.unarchive_command)
app.command("fork")(control.fork_command)
app.command("continue")(control.continue_command)
app.command("move")(queue.move_command)
app.command("hold")(queue.hold_command)
app.command("release")(queue.release_command)
app.command("priority")(queue.priority_command)
app.command("after-failure")(queue.after_failure_command)


@app.command("dispatch", hidden=True)
def dispatch_command() -> None:
    """Give each free device its next queued run."""
    for name in dispatch(find_home().create()):
        print(f"started {clean(name)}")


def _print_run(workspace: Workspace, run: str, as_json: bool) -> None:
    document = run_document(workspace, run)
    if as_json:
        print_json(document)
    else:
        print_summary(document)


def print_summary(document: dict[str, Any]) -> None:
    """Print the `run show` document as text: state, then the result table."""
    badge = badge_of(document["state"], document["stalled"], bool((document["queue"] or {}).get("held")))
    state = badge.word + (f": {document['reason']}" if document["reason"] else "")
    steps = f"step {show(document['step'])}/{show(document['total_steps'])}"
    print(f"{clean(document['name'])}  {clean(state)}  {steps}{_phase(document)}")
    if advice := badge.text(quote(clean(document["name"]))):
        print(advice)
    if (seconds := document["seconds_left"]) is not None:
        what = document["until_end_of"]
        print(left_text(seconds, datetime.now().astimezone(), "" if what == "run" else what))
    if document["state"] != "done":
        _print_phases(document["phases"])
    if document["tags"]:
        print(f"tags: {clean(' '.join(document['tags']))}")
    if document["note"]:
        print(f"note: {clean(document['note'])}")
    if document["queue"]:
        print(f"in the queue: {queue.place_text(document['queue'])}")
    # The trainer prints its reason too.
    if tail := [line for line in document["log_tail"] if line.strip() != document["reason"]]:
        print("\nlast lines of the log:", *(f"    {clean(line)}" for line in tail), sep="\n")
    for warning in document["warnings"]:
        print(f"warning: {clean(warning)}")
    noun = runs.case_noun(document["spec"]["task"])
    if (validation := document["validation"])["best"] is not None:
        of = f", {cases_text(validation['users'], noun)}" if validation["users"] else ""
        adapter = f", adapter of step {document['best_step']}" if document["best_step"] else ""
        users, metric = validation["users"], validation["metric"]
        last = "" if validation["last"] is None else f", last {figure_text(validation['last'], users)}"
        best = figure_text(validation["best"], users, metric)
        print(f"best validation {metric_text(metric)}: {best}{last}{of}{adapter}")
    metrics = document["metrics"]
    if metrics["before"] or metrics["after"]:
        print()
        _print_metrics(document["protocol"] or {}, metrics, document["users"])
        if document.get("blend"):
            print(f"blend of {shares_text(document['blend']['shares'])}")
        if weakest := weakest_labels(document):
            print("\nlabels with the lowest F1:")
            print_table(list(map(asdict, weakest)), ("label", "f1", "precision", "recall", "support"), "")
        if document["users"] is not None and (few := few_cases(document["users"], noun)):
            print(f"warning: {few}")
        if sentence := (document["noise"] or {}).get("sentence"):
            print(f"warning: {clean(sentence)}")
        if sentence := (document.get("calibration") or {}).get("sentence"):
            print(clean(sentence))
    there = Path(document["paths"]["adapter"]).is_dir()
    print(f"\nadapter  {document['paths']['adapter'] if there else 'none yet'}")
    print(f"log      {document['paths']['log']}")
    if computing := document["computing"]:
        print(clean("computes on {device}, {precision}, {attention} attention".format(**computing)))
    survives = document["survives_logout"]
    print(f"survives logout: {survives['answer']}. {survives['why']}")


def _print_phases(steps: Sequence[Mapping[str, Any]]) -> None:
    """A line for each phase of the last attempt: what it is, how far, and how long it took."""
    for step in steps:
        mark = step_badge(step["state"]).ascii
        count = count_text(step["done"], step["total"])
        seconds = duration_text(step["seconds"]) if step["seconds"] or step["state"] == "now" else ""
        left = f"about {duration_text(step['seconds_left'])} left" if step["seconds_left"] is not None else ""
        print(f"  {mark} {step['title']:<32}{count:>14}{seconds:>10}  {left}".rstrip())


def _phase(document: dict[str, Any]) -> str:
    """The phase of an active run besides training, and its progress: `, validating 3/20`."""
    if document["state"] not in runs.ACTIVE or document["phase"] in ("", "training"):
        return ""
    total = document["phase_total"]
    share = f" {show(document['phase_done'] or 0)}/{show(total)}" if total else ""
    return clean(f", {document['phase']}{share}")


def _print_metrics(protocol: dict[str, Any], metrics: dict[str, Any], cases: int | None) -> None:
    figures = figures_of(metrics)
    names = list(next(iter(figures.values())))
    rows = [
        {"model": name, **{key: figure_text(value, cases, key) for key, value in row.items()}}
        for name, row in figures.items()
    ]
    places = digits(cases)
    print_table(rows, ("model", *names), "")
    gain = metrics.get("gain") or {}
    blend = gain.get("blend") or {}
    for of, against, values in (
        ("after", "before", gain.get("before")),
        ("after", "best baseline", gain.get("best_baseline")),
        ("blend", blend.get("name"), blend),
    ):
        for name in names:
            interval = (values or {}).get(name)
            if interval and None not in interval.values() and name in names[:2]:
                print(
                    f"{of} minus {against}, {name}: {interval['value']:+.{places}f}"
                    f"  95 % interval {interval['low']:+.{places}f} to {interval['high']:+.{places}f}"
                )
    print(f"test: {protocol_text(protocol, cases)}")


def _print_state(row: runs.RunRow, as_json: bool, done: str) -> None:
    if as_json:
        print_json(asdict(row))
    else:
        print(f"{clean(row.name)}: {done} ({row.state})")


def _exit_unless_done(workspace: Workspace, run: str, wait: bool) -> None:
    if wait and runs.current(workspace, run).state != "done":
        raise typer.Exit(1)
