"""The event log: what happens in a run, one JSON object a line, appended only.

Each kind of event has a dataclass in `KINDS`: its fields beside seq, attempt, time and kind. What a trainer
writes must fit, what is read is checked. Kinds and fields that are not known stay in the log as they are.
"""

import errno
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from promptrec_tui.files import open_regular, parse_json
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.typed import Count, Moment, build


@dataclass(frozen=True)
class Envelope:
    """What every event has; `time` is checked apart, since an event without one still tells something."""

    seq: Count
    attempt: Count
    kind: str


@dataclass(frozen=True)
class Stamp:
    """When an event was written: epoch seconds."""

    time: Moment | None = None


@dataclass(frozen=True)
class PhaseEvent:
    """What the trainer is at, and how far."""

    phase: str
    done: Count | None = None
    total: Count | None = None
    message: str = ""


@dataclass(frozen=True)
class Lead:
    """The metric that stands for a run, and whether more of it is better."""

    name: str
    higher_is_better: bool = True


@dataclass(frozen=True)
class MetricEvent:
    """Named values at an optimiser step; null where one is not finite. `lead`: of a validation."""

    step: Count
    values: Mapping[str, float | None]
    lead: Lead | None = None
    total_steps: Count | None = None
    epoch: float | None = None


@dataclass(frozen=True)
class Shown:
    """A recommended item."""

    key: str
    title: str
    logprob: float | None = None


@dataclass(frozen=True)
class PreviewUser:
    """What a pinned user saw (titles), would see next, and was recommended; `rank` is of the target."""

    user: str
    history: tuple[str, ...]
    target: str
    rank: float | None
    top: tuple[Shown, ...]


@dataclass(frozen=True)
class PreviewEvent:
    """The pinned users at a step; `stage` is before, now or after."""

    step: Count
    stage: str
    users: tuple[PreviewUser, ...]


@dataclass(frozen=True)
class EvaluationEvent:
    """Ranking metrics of `name` (untuned, tuned or a baseline) over many users."""

    stage: str
    name: str
    users: Count
    metrics: Mapping[str, float | None]
    protocol: Mapping[str, Any]
    step: Count | None = None


@dataclass(frozen=True)
class ComputingEvent:
    """What the attempt computes with: device, precision and attention kernel, by name."""

    device: str
    precision: str
    attention: str


@dataclass(frozen=True)
class CheckpointEvent:
    """A checkpoint was published; `value` is of the monitored metric."""

    step: Count
    best: bool
    folder: str = ""
    value: float | None = None


@dataclass(frozen=True)
class WarningEvent:
    """Something the run wants known."""

    message: str


@dataclass(frozen=True)
class AckEvent:
    """What came of the request `control/NNNN.json`."""

    control: Count
    command: str = ""
    result: str = ""


@dataclass(frozen=True)
class FinishedEvent:
    """The trainer's last word; `remedy`: settings with which a fork may do better."""

    state: Literal["done", "stopped", "paused", "failed"]
    reason: str | None = None
    step: Count | None = None
    remedy: Mapping[str, Any] = field(default_factory=dict)


KINDS: Mapping[str, type[Any]] = {
    "phase": PhaseEvent,
    "metric": MetricEvent,
    "preview": PreviewEvent,
    "evaluation": EvaluationEvent,
    "computing": ComputingEvent,
    "checkpoint": CheckpointEvent,
    "warning": WarningEvent,
    "ack": AckEvent,
    "finished": FinishedEvent,
}

DURABLE = frozenset({"checkpoint", "evaluation", "finished"})
"""Kinds that are on the disk before `write` returns; the others are cheap to lose in a power cut."""

TAIL = 1 << 16

LONGEST = 1 << 24
"""Bytes that a line may have; a longer one is none of ours."""


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


@dataclass(frozen=True)
class Scan:
    """A stretch of a log: its events, the offset after its last whole line, and lines that are no events."""

    events: list[dict[str, Any]]
    offset: int
    damaged: int = 0


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events from byte `offset` on, and the offset after the last whole line; see `scan`."""
    found = scan(path, offset)
    return found.events, found.offset


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
        events, damaged = [], 0
        for line, end in _lines(file):
            offset = end
            if event := parse_event(line):
                events.append(event)
            elif line.strip():
                damaged += 1
    return Scan(events, offset, damaged)


def _lines(file: BufferedReader) -> Iterator[tuple[bytes, int]]:
    """The whole lines of a file from here on, each with the offset behind it; of a very long one a part."""
    while line := file.readline(LONGEST):
        rest = line
        while not rest.endswith(b"\n"):
            if not (rest := file.readline(LONGEST)):
                return
        yield line, file.tell()


def finished_event(path: Path, attempt: int) -> dict[str, Any] | None:
    """The `finished` event of an attempt, looked for at the end of the log; its fields fit `FinishedEvent`.

    None also where the log cannot be read.
    """
    try:
        events, _ = read_events(path, max(0, path.stat().st_size - TAIL))
    except OSError:
        return None
    words = [event for event in events if event["kind"] == "finished" and event["attempt"] == attempt]
    return words[-1] if words and fits(words[-1]) else None


def require(kind: str, fields: Mapping[str, Any]) -> None:
    """Raise ValueError unless `fields` are those of a known kind: what a trainer checks before it writes."""
    build(KINDS[kind], _finite(fields))


def fits(event: Mapping[str, Any]) -> bool:
    """Whether an event of a known kind has the fields of its kind."""
    try:
        build(KINDS[event["kind"]], event)
    except ValueError:
        return False
    return True


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
    """The event that a line holds, its seq, attempt and kind checked; None when it is torn or damaged."""
    try:
        value: Any = parse_json(line)
        build(Envelope, value)
    except ValueError:
        return None
    return dict(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
