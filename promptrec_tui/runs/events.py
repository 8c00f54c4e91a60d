"""The kinds of events: what can happen in a run, one frozen dataclass for each kind.

A new kind needs a class here and code that writes an instance of it with `event_log.EventLog`. A record is
the JSON object of one line of `events.jsonl`: seq, attempt, time and kind, and the fields of the kind.
Readers pass over kinds and fields that they do not know; the log keeps them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar

from promptrec_tui.runs.states import State
from promptrec_tui.typed import Count, build

OMIT_NONE = {"omit_none": True}
"""Metadata of a field that is absent from the record when it is None; other fields are written as null."""

TRAINER_STATES = frozenset({State.DONE, State.STOPPED, State.PAUSED, State.FAILED})
"""States in which a trainer can leave its run; the others are told from outside."""


@dataclass(frozen=True)
class Event:
    """What every kind has. Fields with a default may be missing in records of earlier versions."""

    kind: ClassVar[str]
    """Its name in the log."""
    durable: ClassVar[bool] = False
    """Whether it is on the disk before `EventLog.write` returns; a power cut may lose the others."""


@dataclass(frozen=True)
class PhaseEvent(Event):
    """What the trainer is doing, and how far it is. `part`: the id in `phases.py`, which older logs lack."""

    kind: ClassVar = "phase"

    phase: str
    done: Count | None = None
    total: Count | None = None
    message: str = ""
    part: str | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True)
class Lead:
    """The metric that stands for a run, and whether more of it is better."""

    name: str
    higher_is_better: bool = True


@dataclass(frozen=True)
class MetricEvent(Event):
    """Values by metric name at an optimiser step; null where a value is not finite.

    Training has `total_steps` and `epoch`, a validation has `lead`.
    """

    kind: ClassVar = "metric"

    step: Count
    values: Mapping[str, float | None]
    lead: Lead | None = field(default=None, metadata=OMIT_NONE)
    total_steps: Count | None = field(default=None, metadata=OMIT_NONE)
    epoch: float | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True)
class Shown:
    """A recommended item; `logprob` is its score where that is none, as a blend's."""

    key: str
    title: str
    logprob: float | None = None
    probability: float | None = None
    """None where scores are no probabilities."""


@dataclass(frozen=True)
class PreviewUser:
    """A pinned user: titles of the history, the true next title and its rank, and the recommended items."""

    user: str
    history: tuple[str, ...]
    target: str
    rank: float | None
    top: tuple[Shown, ...]


@dataclass(frozen=True)
class PreviewEvent(Event):
    """The pinned users at a step; `stage` is before, now, after, or blend: with a run's baselines."""

    kind: ClassVar = "preview"

    step: Count
    stage: str
    users: tuple[PreviewUser, ...]


@dataclass(frozen=True)
class EvaluationEvent(Event):
    """Metrics over many users of `name`: untuned, tuned or a baseline."""

    kind: ClassVar = "evaluation"
    durable: ClassVar = True

    stage: str
    name: str
    users: Count
    metrics: Mapping[str, float | None]
    protocol: Mapping[str, Any]
    step: Count | None = None


@dataclass(frozen=True)
class ComputingEvent(Event):
    """What the attempt computes with: names of device, precision and attention kernel."""

    kind: ClassVar = "computing"

    device: str
    precision: str
    attention: str


@dataclass(frozen=True)
class CheckpointEvent(Event):
    """A checkpoint was published; `value` is that of the monitored metric."""

    kind: ClassVar = "checkpoint"
    durable: ClassVar = True

    step: Count
    best: bool
    folder: str = ""
    value: float | None = None


@dataclass(frozen=True)
class WarningEvent(Event):
    """A sentence that people should read."""

    kind: ClassVar = "warning"

    message: str


@dataclass(frozen=True)
class AckEvent(Event):
    """The answer to the request `control/NNNN.json`; `control` is its number."""

    kind: ClassVar = "ack"

    control: Count
    command: str = ""
    result: str = ""


@dataclass(frozen=True)
class FinishedEvent(Event):
    """How the trainer ended the attempt; `remedy`: settings with which a fork may do better."""

    kind: ClassVar = "finished"
    durable: ClassVar = True

    state: State
    reason: str | None = None
    step: Count | None = None
    remedy: Mapping[str, Any] | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        if self.state not in TRAINER_STATES:
            raise ValueError(f"state is {self.state.value}, in which no trainer ends")


KINDS: Mapping[str, type[Event]] = {kind.kind: kind for kind in Event.__subclasses__()}
"""The class of each kind."""


def to_fields(event: Event) -> dict[str, Any]:
    """The fields of an event as JSON values; numbers that are not finite become null."""
    return {
        item.name: _json(value)
        for item in fields(event)
        if (value := getattr(event, item.name)) is not None or "omit_none" not in item.metadata
    }


def from_record(record: Mapping[str, Any]) -> Event | None:
    """The event of a record; None when its kind is not known.

    Raises ValueError when a field is missing or has another type than the kind wants.
    """
    kind = KINDS.get(record["kind"])
    return build(kind, record) if kind else None


def typed(record: Mapping[str, Any]) -> Event | None:
    """The event of a record; None when its kind is not known, and when its fields do not fit the kind."""
    try:
        return from_record(record)
    except ValueError:
        return None


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    if is_dataclass(value):
        return {item.name: _json(getattr(value, item.name)) for item in fields(value)}
    return value
