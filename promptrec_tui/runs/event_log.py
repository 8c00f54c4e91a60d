"""The event log of a run, `events.jsonl`: one JSON object on each line, only ever appended to."""

import errno
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from promptrec_tui.files import open_regular, parse_json
from promptrec_tui.runs.events import Event, FinishedEvent, to_fields, typed
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.typed import Count, Moment, build

TAIL = 1 << 16
"""Bytes at the end of a log that are read to find its last lines."""

LONGEST = 1 << 24
"""Bytes that a line may have; a longer one cannot be an event."""


@dataclass(frozen=True)
class Envelope:
    """What every record has. `time` is checked apart: a record with a wrong time is still of use."""

    seq: Count
    attempt: Count
    kind: str


@dataclass(frozen=True)
class Stamp:
    """When a record was written: epoch seconds."""

    time: Moment | None = None


class EventLog:
    """Writes events. Only one process does so at a time: the one that holds the run's lock."""

    def __init__(self, folder: RunFolder, attempt: int) -> None:
        """Open the log of `folder` for `attempt`, repair a torn last line, and continue its numbers."""
        self.attempt = attempt
        self._file = os.open(folder.events, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _repair(self._file)
        records, _ = read_events(folder.events)
        self._seq = max((record["seq"] for record in records), default=0)

    def write(self, event: Event) -> int:
        """Append an event and return its `seq`.

        Raises OSError when the disk is full, and leaves no torn line then.
        """
        record = {
            "seq": self._seq + 1,
            "attempt": self.attempt,
            "time": round(time.time(), 3),
            "kind": event.kind,
            **to_fields(event),
        }
        line = json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
        data = line.encode(errors="replace")
        if (written := os.write(self._file, data)) != len(data):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, "No space left on the disk for an event")
        if event.durable:
            try:
                os.fsync(self._file)
            except OSError:
                # An event that may not be on the disk must not count as written.
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise
        self._seq += 1
        return self._seq

    def close(self) -> None:
        """Sync the log to the disk and close it."""
        os.fsync(self._file)
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Scan:
    """A part of a log: its records, the offset after its last whole line, and how many lines are damaged."""

    records: list[dict[str, Any]]
    offset: int
    damaged: int = 0


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The records from byte `offset` on, and the offset after the last whole line; see `scan`."""
    scanned = scan(path, offset)
    return scanned.records, scanned.offset


def scan(path: Path, offset: int = 0) -> Scan:
    """Read the log from byte `offset` on.

    A torn last line is left for the next call, a damaged line is counted, a missing file is empty. When the
    file is shorter than `offset` (restored from an old copy), reading starts again at its beginning.
    Raises OSError when the file cannot be read.
    """
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return Scan([], offset)
    with file:
        if offset > os.fstat(file.fileno()).st_size:
            offset = 0
        file.seek(offset)
        records, damaged = [], 0
        for line, end in _lines(file):
            offset = end
            if record := _record(line):
                records.append(record)
            elif line.strip():
                damaged += 1
    return Scan(records, offset, damaged)


def _lines(file: BufferedReader) -> Iterator[tuple[bytes, int]]:
    """The whole lines of a file from here on, each with the offset after it; a very long line is cut."""
    while line := file.readline(LONGEST):
        rest = line
        while not rest.endswith(b"\n"):
            if not (rest := file.readline(LONGEST)):
                return
        yield line, file.tell()


def finished_event(path: Path, attempt: int) -> FinishedEvent | None:
    """The `finished` event of an attempt, looked for at the end of the log.

    None when there is none, when its fields do not fit, and when the log cannot be read.
    """
    try:
        records, _ = read_events(path, max(0, path.stat().st_size - TAIL))
    except OSError:
        return None
    mine = (record for record in reversed(records) if record["attempt"] == attempt)
    last = next((record for record in mine if record["kind"] == FinishedEvent.kind), None)
    event = typed(last) if last else None
    return event if isinstance(event, FinishedEvent) else None


def _repair(file: int) -> None:
    """Complete the last line: add the newline if only that is missing, else cut the torn line off."""
    size = os.fstat(file).st_size
    start, tail = size, b""
    while start and b"\n" not in tail:
        start = max(0, start - TAIL)
        tail = os.pread(file, size - start, start)
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return
    if _record(torn):
        os.write(file, b"\n")
    else:
        os.ftruncate(file, size - len(torn))


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line, with seq, attempt and kind checked; None when the line is torn or damaged."""
    try:
        value: Any = parse_json(line)
        build(Envelope, value)
    except ValueError:
        return None
    return dict(value)
