"""A fault, one case of it, and what came of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.faults.places import Place
from benchmarks.faults.stage import Twin


@dataclass(frozen=True)
class Case:
    """What an act is given: its place, its chances, how many blows to deal, and the undisturbed twin."""

    place: Place
    seed: int
    blows: int
    twin: Twin
    chance: random.Random


@dataclass(frozen=True)
class Tally:
    """How many faults were survived, and a word on them."""

    count: int
    said: str = ""


Act = Callable[[Case], Tally]


@dataclass(frozen=True)
class Fault:
    """A line of the table: `cases` cases with the seeds 0, 1, …, each dealing `blows` blows."""

    name: str
    rows: str
    """Its numbers in the fault table."""
    what: str
    act: Act
    cases: int = 1
    blows: int = 1
    mounts: bool = False
    """Whether it mounts file systems, for which it gets a mount namespace of its own."""
    alone: bool = False
    """Whether it wants all cores."""

    @property
    def target(self) -> int:
        return self.cases * self.blows
