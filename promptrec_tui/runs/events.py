"""The event log: what happens in a run, one JSON object a line, appended only."""

import errno
import json
import math
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from promptrec_tui.files import parse_json
from promptrec_tui.runs.folder import RunFolder

DURABLE = frozenset({"checkpoint", "evaluation", "finished"})
"""Kinds that are on the disk before `write` returns; the others are cheap to lose in a power cut."""

ENDS = frozenset({"done", "stopped", "paused", "failed"})
"""The states that a trainer may finish in."""

TAIL = 1 << 16


class EventLog:
    """The writing end. One process writes at a time: whoever holds the run's lock."""

    def __init__(self, folder: RunFolder, attempt: int) -> None:
        """Open the log of `folder` for `attempt`, mend a torn last line, and go on counting."""
        self.attempt = attempt
        self._file = os.open(folder.events, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _mend(self._file)
        events, _ = read_events(folder.events)
        self._seq = max((event["seq"] for event in events), default=0)

    def write(self, kind: str, **fields: Any) -> int:
        """Append one event and answer its `seq`. Numbers that are not finite become null.

        Raises OSError when the disk is full; no torn line is left then.
        """
        event = {"seq": self._seq + 1, "attempt": self.attempt, "time": round(time.time(), 3), "kind": kind}
        line = json.dumps({**event, **_finite(fields)}, ensure_ascii=False, allow_nan=False) + "\n"
        data = line.encode(errors="replace")
        if (written := os.write(self._file, data)) != len(data):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, "No space left on the disk for an event")
        if kind in DURABLE:
            try:
                os.fsync(self._file)
            except OSError:
                # What is not sure to be on the disk is not said to be written.
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise
        self._seq += 1
        return self._seq

    def close(self) -> None:
        """Put the log on the disk and close it."""
        os.fsync(self._file)
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events from byte `offset` on, and the offset after the last whole line.

    A torn last line is left for the next call, a damaged line is passed over, a missing file is empty. When
    the file is shorter than `offset` (restored from an old copy), reading starts again at its beginning.
    """
    try:
        with open(path, "rb") as file:
            if offset > os.fstat(file.fileno()).st_size:
                offset = 0
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return [event for line in whole.split(b"\n") if (event := parse_event(line))], offset + len(whole)


def finished_event(path: Path, attempt: int) -> dict[str, Any] | None:
    """The `finished` event of an attempt, looked for at the end of the log; its `state` is one of `ENDS`."""
    size = path.stat().st_size if path.exists() else 0
    events, _ = read_events(path, max(0, size - TAIL))
    words = [event for event in events if event["kind"] == "finished" and event["attempt"] == attempt]
    return words[-1] if words and words[-1].get("state") in ENDS else None


def _mend(file: int) -> None:
    """End the last line: with a newline when only that is missing, else by cutting off what was torn."""
    size = os.fstat(file).st_size
    start, tail = size, b""
    while start and b"\n" not in tail:
        start = max(0, start - TAIL)
        tail = os.pread(file, size - start, start)
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return
    if parse_event(torn):
        os.write(file, b"\n")
    else:
        os.ftruncate(file, size - len(torn))


def parse_event(line: bytes) -> dict[str, Any] | None:
    """The event that a line holds; None when it is torn or damaged."""
    try:
        value: Any = parse_json(line)
    except ValueError:
        return None
    if not isinstance(value, dict) or not {"attempt", "kind"} <= value.keys():
        return None
    return value if isinstance(value.get("seq"), int) else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
