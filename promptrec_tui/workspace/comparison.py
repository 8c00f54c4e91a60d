"""What a comparison of runs says: figures, paired differences, who gains, repetitions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from promptrec_tui.text import cases_text, protocol_parts
from promptrec_tui.workspace.compared_runs import ComparedRun
from promptrec_tui.workspace.differences import Differences


@dataclass(frozen=True)
class Pair:
    """`metric` of run `a` minus that of run `b`, with its 95 % interval; None where there is none.

    `wins` counts the cases in which `a` ranks the target higher, or alone gives the true label; the counts
    are the same for every metric and add up to `users`.
    """

    a: str
    b: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    wins: int
    ties: int
    losses: int
    users: int
    verdict: str
    """Of `a`: "better" or "worse" where the interval is beside zero, else "unclear"; "" without one."""


@dataclass(frozen=True)
class UserGain:
    """A case under two runs: ranks of the target, or probabilities of the true label; None for a NaN.

    `gain` is of `a` over `b`, in 1 / log2(1 + rank) or in probability.
    """

    user: str
    a: float | None
    b: float | None
    gain: float


@dataclass(frozen=True)
class Gains:
    """All cases of a pair, the highest gain of `a` over `b` first."""

    a: str
    b: str
    users: tuple[UserGain, ...]


@dataclass(frozen=True)
class Blended:
    """The blend of a run, or its mixture, which is a blend without the model, on the same cases."""

    run: str
    part: str
    """blend, or mixture."""
    metrics: Mapping[str, float | None]
    pairs: tuple[Pair, ...]
    """Minus the model of the baseline; minus the run's own model where each is compared with each."""


@dataclass(frozen=True)
class Spread:
    """The mean over some runs, and their sample standard deviation."""

    mean: float
    spread: float


@dataclass(frozen=True)
class Seeds:
    """Runs whose specs differ in `train.seed` only."""

    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    metrics: Mapping[str, Spread]


@dataclass(frozen=True)
class Comparison:
    """Runs in the order in which they were given. All figures are of the same `users` cases."""

    runs: tuple[ComparedRun, ...]
    noun: str
    """The noun of a case, such as user or text."""
    lead: str
    users: int
    differs: Differences
    metrics: Mapping[str, Mapping[str, float | None]]
    """By metric and run."""
    pairs: tuple[Pair, ...]
    gains: tuple[Gains, ...]
    """One for each two runs of `pairs`."""
    blends: tuple[Blended, ...]
    """Of the runs that have one, in the order of the runs."""
    seeds: tuple[Seeds, ...]
    notes: tuple[str, ...]

    def beside(self, run: str) -> dict[str, Mapping[str, float | None]]:
        """The figures of the blend and the mixture of a run; of no blend none, where another run has one."""
        known = {each.part: each.metrics for each in self.blends if each.run == run}
        return known or ({"blend": {}} if self.blends else {})

    @property
    def caption(self) -> str:
        """What the figures are of: `test, 40 users: 100 items ranked, …, adapters: best on validation`."""
        best = [run.best_step is not None for run in self.runs]
        adapters = "best on validation" if any(best) else "last"
        if any(best) and not all(best):
            adapters += ", or last"
        parts = [*protocol_parts(self.runs[0].protocol), f"adapters: {adapters}"]
        return f"test, {cases_text(self.users, self.noun)}: {', '.join(parts)}"

    def to_json(self) -> dict[str, Any]:
        """The document of `promptrec compare --json`."""
        return {
            "runs": [run.to_json() for run in self.runs],
            "users": self.users,
            "lead": self.lead,
            "differs": self.differs.to_json(),
            "metrics": self.metrics,
            "pairs": [asdict(pair) for pair in self.pairs],
            "by_user": [asdict(each) for each in self.gains],
            "blends": [asdict(each) for each in self.blends],
            "seeds": [asdict(each) for each in self.seeds],
            "notes": list(self.notes),
        }
