"""What a person asks of a running trainer: numbered files, each answered by an `ack` event."""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast, get_args

from promptrec_tui.files import read_json, sync_folder, write_json
from promptrec_tui.runs.events import TAIL, parse_event, read_events
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
    offset: int = 0
    """The size of the event log by then: its `ack` comes later."""


def request(folder: RunFolder, command: Command) -> int:
    """Ask the run's last attempt for something; answers the number of the request.

    The file appears whole under a number that nobody else has (a link never replaces a file).
    """
    folder.control.mkdir(exist_ok=True)
    draft = folder.control / f".{command}.{os.getpid()}.{time.monotonic_ns()}"
    offset = folder.events.stat().st_size if folder.events.exists() else 0
    write_json(
        draft,
        {"command": command, "attempt": folder.last_attempt, "time": time.time(), "offset": offset},
    )
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
    return [request for request in all_requests(folder, known) if request.attempt == attempt]


def all_requests(folder: RunFolder, known: Collection[int] = ()) -> list[Request]:
    """What was asked of any attempt, in order, without the numbers in `known`; damaged files are left out."""
    numbers = [number for number in _numbers(folder) if number not in known]
    return [request for number in numbers if (request := _read(folder, number))]


def answer(folder: RunFolder, request: Request) -> str | None:
    """What came of a request: the `result` of its `ack`; None while it waits for one."""
    try:
        with open(folder.events, "rb") as file:
            # A line that was torn by then is cut off before the next one is written, so a bit earlier.
            file.seek(max(0, request.offset - TAIL))
            for line in file:
                event = parse_event(line) if b'"ack"' in line else None
                if event and event["kind"] == "ack" and event.get("control") == request.number:
                    return str(event.get("result", ""))
    except FileNotFoundError:
        pass
    return None


def unanswered(folder: RunFolder) -> list[Request]:
    """The requests to any attempt that have no `ack`."""
    if not (asked := all_requests(folder)):
        return []
    acknowledged = _acknowledged(folder)
    return [request for request in asked if request.number not in acknowledged]


def pending(folder: RunFolder, acknowledged: Collection[int] | None = None) -> list[Request]:
    """The requests to the last attempt that wait for their `ack`.

    The trainer, which polls at each step, gives the numbers that it has acknowledged; without them they are
    read from the whole event log.
    """
    known = _acknowledged(folder) if acknowledged is None else acknowledged
    return requests(folder, folder.last_attempt, known)


def _acknowledged(folder: RunFolder) -> set[int]:
    events, _ = read_events(folder.events)
    return {event["control"] for event in events if event["kind"] == "ack" and "control" in event}


def _numbers(folder: RunFolder) -> list[int]:
    try:
        names = [path.name for path in folder.control.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal())


def _read(folder: RunFolder, number: int) -> Request | None:
    try:
        value = read_json(folder.control / f"{number:04d}.json")
        if value["command"] not in COMMANDS:
            return None
        return Request(
            number,
            cast(Command, value["command"]),
            int(value["attempt"]),
            float(value.get("time", 0)),
            int(value.get("offset", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
