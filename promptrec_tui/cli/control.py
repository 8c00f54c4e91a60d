"""`promptrec run`: pause, stop, checkpoint, kill, resume, and new runs made from a run (fork, continue)."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from promptrec_tui.cli.output import JsonOption, print_json, workspace
from promptrec_tui.cli.settings import SetOption, parse_settings
from promptrec_tui.text import clean
from promptrec_tui.workspace import control
from promptrec_tui.workspace.control import Asked
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import RunRow, current

POLL_SECONDS = 0.2
BUSY = ("starting", "running", "pausing", "stopping")

AnswerOption = Annotated[
    bool, typer.Option("--wait", help="Wait until the request is answered and the run has ended.")
]
NameOption = Annotated[str, typer.Option("--name", help="Name of the new run.")]


def pause_command(run: str, wait: AnswerOption = False, as_json: JsonOption = False) -> None:
    """Save a checkpoint and free the device; `run resume` continues."""
    _ask(control.pause_run, run, wait, as_json)


def stop_command(run: str, wait: AnswerOption = False, as_json: JsonOption = False) -> None:
    """Save, keep the best adapter, and end the run."""
    _ask(control.stop_run, run, wait, as_json)


def checkpoint_command(run: str, wait: AnswerOption = False, as_json: JsonOption = False) -> None:
    """Save a checkpoint now; the run continues."""
    _ask(control.checkpoint_run, run, wait, as_json)


def kill_command(run: str, wait: AnswerOption = False, as_json: JsonOption = False) -> None:
    """End a run's processes: SIGTERM, SIGKILL after 60 seconds, or at once on a second request."""
    _ask(control.kill_run, run, wait, as_json)


def fork_command(
    run: str, name: NameOption = "", settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """Queue a new run with the spec of another one, except for what you --set and what follows from it."""
    from promptrec_tui.workspace.lineage import fork_run  # slow, and other commands need none of it

    with workspace() as here:
        _print_new(fork_run(here, run, name, parse_settings(settings)), as_json)


def continue_command(
    run: str,
    name: NameOption = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Another dataset; by default the same.")] = "",
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Queue a new run that starts from the adapter of another one."""
    from promptrec_tui.workspace.lineage import continue_run  # slow, as above

    with workspace() as here:
        _print_new(continue_run(here, run, name, dataset, parse_settings(settings)), as_json)


def _ask(verb: Callable[[Workspace, str], Asked], run: str, wait: bool, as_json: bool) -> None:
    with workspace() as here:
        asked = verb(here, run)
        said = _answer(here, asked) if wait else control.answer(here, asked)
        row = _row(here, asked)
        while wait and asked.command != "checkpoint" and row.state in BUSY:
            time.sleep(POLL_SECONDS)
            row = _row(here, asked)
    if as_json:
        request = {"number": asked.number, "command": asked.command, "result": said}
        print_json({**asdict(row), "request": request})
    else:
        print(f"{clean(row.name)}: {asked.command} {clean(said) if said else 'requested'} ({row.state})")


def _answer(workspace: Workspace, asked: Asked) -> str:
    while (said := control.answer(workspace, asked)) is None:
        time.sleep(POLL_SECONDS)
    return said


def _row(workspace: Workspace, asked: Asked) -> RunRow:
    return current(workspace, asked.row.id)


def _print_new(row: RunRow, as_json: bool) -> None:
    if as_json:
        print_json(asdict(row))
    else:
        print(f"{clean(row.name)}: queued ({row.state})")
