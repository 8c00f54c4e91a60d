"""`promptrec run`: the commands for the queue: move, hold, release, priority, after-failure."""

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from promptrec_tui.cli.output import JsonOption, print_json, workspace
from promptrec_tui.text import clean
from promptrec_tui.workspace import queue
from promptrec_tui.workspace.runs import RunRow

HoldOption = Annotated[bool, typer.Option("--hold", help="Queue it on hold: it starts after it is released.")]
PriorityOption = Annotated[int, typer.Option("--priority", help="Higher ones go first; 0 is the usual.")]
StopOption = Annotated[
    bool,
    typer.Option("--stop-queue-on-failure", help="If it fails, start nothing after it on its device."),
]


class Where(StrEnum):
    """Where to move a run."""

    up = "up"
    down = "down"
    top = "top"


class AfterFailure(StrEnum):
    """What the queue does after a failure."""

    go_on = "continue"
    stop = "stop"


def move_command(run: str, where: Where, as_json: JsonOption = False) -> None:
    """Move a waiting run up, down or to the top of the queue."""
    with workspace() as here:
        _print(queue.move_run(here, run, where.value), as_json)


def hold_command(run: str, as_json: JsonOption = False) -> None:
    """Keep a waiting run from starting until it is released."""
    with workspace() as here:
        _print(queue.hold_run(here, run), as_json)


def release_command(run: str, as_json: JsonOption = False) -> None:
    """Release a held run, or the queue that a failed run holds."""
    with workspace() as here:
        _print(queue.release_run(here, run), as_json)


def priority_command(
    run: str,
    number: Annotated[int, typer.Argument(help="Higher ones go first; 0 is the usual.")],
    as_json: JsonOption = False,
) -> None:
    """Set the priority of a waiting run; write -- before a negative one."""
    with workspace() as here:
        _print(queue.set_priority(here, run, number), as_json)


def after_failure_command(run: str, do: AfterFailure, as_json: JsonOption = False) -> None:
    """Set whether the queue continues or stops if this run fails."""
    with workspace() as here:
        _print(queue.set_after_failure(here, run, do is AfterFailure.go_on), as_json)


def place_text(place: Mapping[str, Any] | None) -> str:
    """A waiting run's place in the queue: "2, held, priority 3"; "" for a run that does not wait."""
    if place is None:
        return ""
    words = [str(place["place"])]
    if place["held"]:
        words.append("held")
    if place["priority"]:
        words.append(f"priority {place['priority']}")
    if not place["continue_after_failure"]:
        words.append("stops the queue if it fails")
    return ", ".join(words)


def _print(row: RunRow, as_json: bool) -> None:
    document = asdict(row)
    if as_json:
        print_json(document)
    elif row.queue:
        print(f"{clean(row.name)}: place {place_text(document['queue'])}")
    else:
        print(f"{clean(row.name)}: {row.state.value}")
