"""Finished runs compared on the users that all of them were measured on, read from their folders."""

import math
import shlex
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.duels import gains, tally
from promptrec_tui.evaluation.intervals import Interval, paired_bootstrap
from promptrec_tui.evaluation.metrics import (
    Metric,
    classification_metrics,
    measured,
    ranking_metrics,
)
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.evaluation.report import side_predictions
from promptrec_tui.tasks.defaults import case_noun, leading_metrics
from promptrec_tui.text import cases_text, clean, few_cases
from promptrec_tui.workspace.compared_runs import ComparedRun, load_runs, measured_cases
from promptrec_tui.workspace.differences import Differences, differences
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.protocols import require_alike

SEED = 1
"""Of the bootstrap: the same runs always have the same intervals."""


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
    seeds: tuple[Seeds, ...]
    notes: tuple[str, ...]

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
            "seeds": [asdict(each) for each in self.seeds],
            "notes": list(self.notes),
        }


def compare_runs(
    workspace: Workspace, runs: Sequence[str], blend: bool = False, baseline: str = ""
) -> Comparison:
    """Compare runs, given by name or id, on their common test cases: each with each, or all with `baseline`.

    `blend`: their blends instead of their models. Raises UserError for fewer than two runs, an unknown one,
    one without test figures, and protocols that are not alike.
    """
    return comparison(load_runs(workspace, runs), blend, baseline)


def comparison(runs: Sequence[ComparedRun], blend: bool = False, baseline: str = "") -> Comparison:
    """The same for loaded runs. `baseline` is the name or the id of one of them."""
    first = runs[0]
    cases = {run.name: measured_cases(run, "blend" if blend else "after") for run in runs}
    for run in runs[1:]:
        require_alike((first.name, run.name), (first.spec, run.spec), (first.protocol, run.protocol))
    noun, side = case_noun(first.spec.task), "blend" if blend else "after"
    common = [key for key in cases[first.name] if all(key in mine for mine in cases.values())]
    if not common:
        raise UserError(_nothing_common(runs, cases, noun))
    predictions = {run.name: _predictions(run, cases[run.name], side, common) for run in runs}
    metrics = _metrics(first)
    figures = {name: measured(metrics, each.rows) for name, each in predictions.items()}
    lead, _ = leading_metrics(first.spec.task, _k(first))
    couples = _couples([run.name for run in runs], _name_of(runs, baseline) if baseline else "")
    return Comparison(
        runs=tuple(runs),
        noun=noun,
        lead=lead,
        users=len(common),
        differs=differences(
            {run.name: run.spec for run in runs}, {run.name: run.protocol for run in runs if run.protocol}
        ),
        metrics={
            metric.name: {name: _number(values[metric.name]) for name, values in figures.items()}
            for metric in metrics
        },
        pairs=tuple(
            pair for a, b in couples for pair in _pairs(a, b, predictions[a], predictions[b], metrics)
        ),
        gains=tuple(_gains(a, b, predictions[a], predictions[b]) for a, b in couples),
        seeds=_seeds(runs, figures),
        notes=tuple(_notes(runs, cases, len(common), noun)),
    )


def _k(run: ComparedRun) -> int:
    return int(run.protocol.get("k") or run.spec.settings.evaluation.k)


def _metrics(run: ComparedRun) -> tuple[Metric, ...]:
    return classification_metrics() if run.spec.task == "classify" else ranking_metrics(_k(run))


def _predictions(run: ComparedRun, cases: Mapping[str, Any], side: str, keys: Sequence[str]) -> Predictions:
    try:
        predictions = side_predictions(cases, side, keys)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        predictions = None
    if predictions is None or ("rank" in predictions.rows) != (run.spec.task != "classify"):
        raise UserError(
            f"The cases in {run.folder.report} are damaged: take {run.folder.result} from a backup, or fork "
            "the run."
        )
    return predictions


def _name_of(runs: Sequence[ComparedRun], wanted: str) -> str:
    for run in runs:
        if wanted in (run.name, run.id):
            return run.name
    raise UserError(f"The baseline {clean(wanted)!r} is none of the runs that are compared: name it, too.")


def _nothing_common(runs: Sequence[ComparedRun], cases: Mapping[str, Mapping[str, Any]], noun: str) -> str:
    first = runs[0]
    other = next((run for run in runs[1:] if cases[first.name].keys().isdisjoint(cases[run.name])), runs[-1])
    seed = first.protocol.get("seed")
    drawn = "" if seed is None else f" --set evaluation.seed={seed}"
    return (
        f"Runs {clean(first.name)!r} and {clean(other.name)!r} have no test {noun} in common. A run that is "
        f"measured on those of {clean(first.name)!r}: promptrec run fork "
        f"{shlex.quote(clean(other.name))}{drawn}"
    )


def _couples(names: Sequence[str], baseline: str) -> list[tuple[str, str]]:
    """Each with each that comes after it, or all others with the baseline."""
    if baseline:
        return [(name, baseline) for name in names if name != baseline]
    return list(combinations(names, 2))


def _pairs(a: str, b: str, ours: Predictions, theirs: Predictions, metrics: Sequence[Metric]) -> list[Pair]:
    counts = asdict(tally(ours, theirs))
    intervals = ((metric, paired_bootstrap(metric, ours, theirs, SEED)) for metric in metrics)
    return [
        Pair(
            a=a,
            b=b,
            metric=metric.name,
            value=_number(interval.value),
            low=_number(interval.low),
            high=_number(interval.high),
            users=len(ours.keys),
            verdict=_verdict(metric, interval),
            **counts,
        )
        for metric, interval in intervals
    ]


def _verdict(metric: Metric, interval: Interval) -> str:
    if math.isnan(interval.low) or math.isnan(interval.high):
        return ""
    if interval.low <= 0 <= interval.high:
        return "unclear"
    return "better" if (interval.low > 0) == metric.higher_is_better else "worse"


def _gains(a: str, b: str, ours: Predictions, theirs: Predictions) -> Gains:
    cases = gains(ours, theirs)
    return Gains(a, b, tuple(UserGain(case.key, case.ours, case.theirs, case.gain) for case in cases))


def _seeds(runs: Sequence[ComparedRun], figures: Mapping[str, Mapping[str, float]]) -> tuple[Seeds, ...]:
    """The runs that are alike but for their seeds, by twos and more."""
    alike: dict[str, list[ComparedRun]] = {}
    for run in runs:
        alike.setdefault(run.without_seed, []).append(run)
    return tuple(
        Seeds(
            runs=tuple(run.name for run in group),
            seeds=tuple(run.seed for run in group),
            metrics={
                metric: Spread(statistics.fmean(values), statistics.stdev(values))
                for metric in figures[group[0].name]
                if all(map(math.isfinite, values := [figures[run.name][metric] for run in group]))
            },
        )
        for group in alike.values()
        if len(group) > 1
    )


def _notes(
    runs: Sequence[ComparedRun], cases: Mapping[str, Mapping[str, Any]], common: int, noun: str
) -> list[str]:
    """What limits the comparison, a sentence each."""
    notes = [
        f"Run {run.name!r} was measured on {cases_text(len(cases[run.name]), noun)}, of which {common:,} are "
        "those of all runs."
        for run in runs
        if len(cases[run.name]) != common
    ]
    few = few_cases(common, noun)
    return [*notes, *([few] if few else [])]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
