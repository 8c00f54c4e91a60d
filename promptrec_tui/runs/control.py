"""What a person asks of a running trainer: numbered files, each answered by an `ack` event."""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from promptrec_tui.files import read_json, sync_folder, write_json
from promptrec_tui.runs.events import read_events
from promptrec_tui.runs.folder import RunFolder

Command = Literal["pause", "stop", "checkpoint", "kill"]
COMMANDS: tuple[Command, ...] = get_args(Command)


@dataclass(frozen=True)
class Request:
    """One asking, meant for one attempt: `control/NNNN.json`."""

    number: int
    command: Command
    attempt: int
    time: float


def request(folder: RunFolder, command: Command) -> int:
    """Ask the run's last attempt for something; answers the number of the request.

    The file appears whole under a number that nobody else has (a link never replaces a file).
    """
    folder.control.mkdir(exist_ok=True)
    draft = folder.control / f".{command}.{os.getpid()}.{time.monotonic_ns()}"
    write_json(draft, {"command": command, "attempt": folder.last_attempt, "time": time.time()})
    number = max(_numbers(folder), default=0) + 1
    try:
        while True:
            try:
                os.link(draft, folder.control / f"{number:04d}.json")
                break
            except FileExistsError:
                number += 1
    finally:
        draft.unlink()
    sync_folder(folder.control)
    return number


def requests(folder: RunFolder, attempt: int, known: Collection[int] = ()) -> list[Request]:
    """What was asked of an attempt, in order, without the numbers in `known`. Cheap when there is nothing."""
    found = []
    for number in _numbers(folder):
        if number in known:
            continue
        value = _read(folder, number)
        if value and value.get("attempt") == attempt and value.get("command") in COMMANDS:
            found.append(
                Request(number, cast(Command, value["command"]), attempt, float(value.get("time", 0)))
            )
    return found


def pending(folder: RunFolder, acknowledged: Collection[int] | None = None) -> list[Request]:
    """The requests to the last attempt that wait for their `ack`.

    The trainer, which polls at each step, gives the numbers that it has acknowledged; without them they are
    read from the whole event log.
    """
    if acknowledged is None:
        events, _ = read_events(folder.events)
        acknowledged = {event["control"] for event in events if event["kind"] == "ack" and "control" in event}
    return requests(folder, folder.last_attempt, acknowledged)


def _numbers(folder: RunFolder) -> list[int]:
    try:
        names = [path.name for path in folder.control.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal())


def _read(folder: RunFolder, number: int) -> dict[str, Any] | None:
    try:
        value = read_json(folder.control / f"{number:04d}.json")
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
