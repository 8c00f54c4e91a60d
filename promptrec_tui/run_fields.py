"""The fields of a listed run by name: what filters compare, and what the list sorts by."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from promptrec_tui.badges import badge_of


class Run(Protocol):
    """What is read of a run."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def stalled(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def note(self) -> str: ...
    @property
    def pinned(self) -> bool: ...
    @property
    def archived(self) -> bool: ...
    @property
    def created(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def total_steps(self) -> int | None: ...
    @property
    def train_loss(self) -> float | None: ...
    @property
    def best_metric(self) -> str: ...
    @property
    def best_value(self) -> float | None: ...
    @property
    def test_value(self) -> float | None: ...
    @property
    def learning_rate(self) -> float | None: ...
    @property
    def seed(self) -> int | None: ...


R = TypeVar("R", bound=Run)


@dataclass(frozen=True)
class Sort:
    """The field to sort by, and whether the largest value comes first."""

    field: str
    largest_first: bool = False


NEWEST_FIRST = Sort("age")
"""The order of the catalogue."""


def age_seconds(run: Run) -> float | None:
    """The seconds since a run was made; None when that is not known."""
    try:
        made = datetime.fromisoformat(run.created)
    except ValueError:
        return None
    return datetime.now(UTC).timestamp() - (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()


TEXTS: dict[str, Callable[[Run], str]] = {
    "name": lambda run: run.name,
    "state": lambda run: badge_of(run.state, run.stalled).word,
    "dataset": lambda run: run.dataset,
    "template": lambda run: run.template,
    "model": lambda run: run.model,
    "tags": lambda run: " ".join(run.tags),
    "note": lambda run: run.note,
    "method": lambda run: run.method,
    "task": lambda run: run.task,
    "id": lambda run: run.id,
    "reason": lambda run: run.reason,
}
"""The fields of text."""

NUMBERS: dict[str, Callable[[Run], float | None]] = {
    "loss": lambda run: run.train_loss,
    "best": lambda run: run.best_value,
    "test": lambda run: run.test_value,
    "step": lambda run: run.step,
    "progress": lambda run: run.step / run.total_steps if run.total_steps else None,
    "rate": lambda run: run.learning_rate,
    "seed": lambda run: run.seed,
    "age": age_seconds,
}
"""The fields of numbers; None where a run has none."""


def arranged(runs: Iterable[R], sort: Sort) -> list[R]:
    """The runs, which come newest first, in another order: pinned ones first, those without a value last."""
    ordered = list(runs)
    if sort != NEWEST_FIRST:
        values = [sort_value(run, sort.field) for run in ordered]
        there = [number for number, value in enumerate(values) if value is not None]
        there.sort(key=lambda number: values[number], reverse=sort.largest_first)  # type: ignore[arg-type, return-value]
        missing = [run for run, value in zip(ordered, values, strict=True) if value is None]
        ordered = [ordered[number] for number in there] + missing
    pinned = [run for run in ordered if run.pinned]
    return pinned + [run for run in ordered if not run.pinned] if pinned else ordered


def sort_value(run: Run, field: str) -> str | float | None:
    """What a run is sorted by; None for nothing, for a value that is no number, and for an unknown field."""
    if field in TEXTS:
        return TEXTS[field](run).casefold() or None
    number = NUMBERS[field](run) if field in NUMBERS else None
    return number if number is not None and math.isfinite(number) else None
