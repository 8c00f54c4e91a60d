"""A fault, one case of it, and its result."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.faults.places import Place
from benchmarks.faults.stage import Twin


@dataclass(frozen=True)
class Case:
    """The input of a case: place, random numbers, number of faults to cause, undisturbed twin."""

    place: Place
    seed: int
    blows: int
    twin: Twin
    chance: random.Random


@dataclass(frozen=True)
class Tally:
    """The number of faults survived, and a remark."""

    count: int
    said: str = ""


Act = Callable[[Case], Tally]


@dataclass(frozen=True)
class Fault:
    """A row of the table: `cases` cases with the seeds 0, 1, …, each causing `blows` faults."""

    name: str
    rows: str
    """Its numbers in the fault table."""
    description: str
    act: Act
    cases: int = 1
    blows: int = 1
    mounts: bool = False
    """Whether it mounts file systems; it then gets a mount namespace of its own."""
    alone: bool = False
    """Whether it needs all cores."""

    @property
    def target(self) -> int:
        return self.cases * self.blows
