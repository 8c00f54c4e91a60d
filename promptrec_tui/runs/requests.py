"""Requests to a running trainer: numbered files in `control/`, each answered by one `ack` event."""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from promptrec_tui.errors import UserError
from promptrec_tui.files import sync_folder, write_json
from promptrec_tui.runs.event_log import TAIL, read_events
from promptrec_tui.runs.events import AckEvent, typed
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.typed import Count, read

Command = Literal["pause", "stop", "checkpoint", "kill"]
COMMANDS: tuple[Command, ...] = get_args(Command)


@dataclass(frozen=True)
class Request:
    """One request, for one attempt: `control/NNNN.json`."""

    number: int
    command: Command
    attempt: int
    time: float
    offset: int = 0
    """The size of the event log, in bytes, when the request was made: its `ack` comes after that."""


def request(folder: RunFolder, command: Command) -> int:
    """Write a request to the run's last attempt and return its number.

    The file appears complete, under a number that no other process has: a link never replaces a file.
    Raises UserError when `control` is not a folder.
    """
    try:
        folder.control.mkdir(exist_ok=True)
    except FileExistsError:
        raise UserError(f"{folder.control} is not a folder: delete it, then ask again.") from None
    draft = folder.control / f".{command}.{os.getpid()}.{time.monotonic_ns()}"
    offset = folder.events.stat().st_size if folder.events.exists() else 0
    write_json(
        draft,
        {"command": command, "attempt": folder.last_attempt, "time": time.time(), "offset": offset},
    )
    number = max(folder.requests(), default=0) + 1
    try:
        while True:
            try:
                os.link(draft, folder.request(number))
                break
            except FileExistsError:
                number += 1
    finally:
        draft.unlink()
    sync_folder(folder.control)
    return number


def requests(folder: RunFolder, attempt: int, known: Collection[int] = ()) -> list[Request]:
    """The requests to an attempt, in order, without the numbers in `known`. Cheap when there are none."""
    return [request for request in all_requests(folder, known) if request.attempt == attempt]


def all_requests(folder: RunFolder, known: Collection[int] = ()) -> list[Request]:
    """The requests to any attempt, in order, without the numbers in `known`; damaged files are left out."""
    numbers = [number for number in folder.requests() if number not in known]
    return [request for number in numbers if (request := _read(folder, number))]


def answer(folder: RunFolder, request: Request) -> str | None:
    """The `result` of a request's `ack`; None while there is no `ack`."""
    # The log may have got shorter since: a torn last line is cut off before the next one is written.
    acks = _acks(folder, max(0, request.offset - TAIL))
    return next((ack.result for ack in acks if ack.control == request.number), None)


def unanswered(folder: RunFolder) -> list[Request]:
    """The requests to any attempt that have no `ack`."""
    # Most runs have no requests, and reading the whole log takes time.
    if not (known := all_requests(folder)):
        return []
    acknowledged = _acknowledged(folder)
    return [request for request in known if request.number not in acknowledged]


def pending(folder: RunFolder, acknowledged: Collection[int] | None = None) -> list[Request]:
    """The requests to the last attempt that wait for their `ack`.

    The trainer polls at each step and passes the numbers that it has acknowledged; without them they are read
    from the whole event log.
    """
    known = _acknowledged(folder) if acknowledged is None else acknowledged
    return requests(folder, folder.last_attempt, known)


def _acknowledged(folder: RunFolder) -> set[int]:
    return {ack.control for ack in _acks(folder)}


def _acks(folder: RunFolder, offset: int = 0) -> list[AckEvent]:
    """The answers in the event log from byte `offset` on."""
    records, _ = read_events(folder.events, offset)
    events = (typed(record) for record in records if record["kind"] == AckEvent.kind)
    return [event for event in events if isinstance(event, AckEvent)]


@dataclass(frozen=True)
class RequestFile:
    """The content of `control/NNNN.json`."""

    command: Command
    attempt: Count
    time: float = 0
    offset: Count = 0


def _read(folder: RunFolder, number: int) -> Request | None:
    content = read(RequestFile, folder.request(number))
    return Request(number, **vars(content)) if content else None
