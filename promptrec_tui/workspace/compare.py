"""Finished runs compared on the users that all of them were measured on, read from their folders."""

import math
import shlex
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.duels import gains, tally
from promptrec_tui.evaluation.intervals import Interval, paired_bootstrap
from promptrec_tui.evaluation.metrics import (
    Metric,
    classification_metrics,
    measured,
    ranking_metrics,
)
from promptrec_tui.evaluation.predictions import Predictions, take
from promptrec_tui.tasks.defaults import case_noun, leading_metrics
from promptrec_tui.text import cases_text, clean, few_cases
from promptrec_tui.workspace.compared_runs import BLENDS, ComparedRun, load_runs
from promptrec_tui.workspace.comparison import (
    Blended,
    Comparison,
    Gains,
    Pair,
    Seeds,
    Spread,
    UserGain,
)
from promptrec_tui.workspace.differences import differences
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.protocols import require_alike

SEED = 1
"""Of the bootstrap: the same runs always have the same intervals."""

EACH_WITH_EACH = 6
"""So many runs at most are compared each with each: the pairs of 50 would be 1,225."""

Progress = Callable[[str, int, int], None]


def compare_runs(
    workspace: Workspace,
    runs: Sequence[str],
    blend: bool = False,
    baseline: str = "",
    progress: Progress = lambda phase, done, total: None,
) -> Comparison:
    """Compare runs, given by name or id, on their common test cases.

    All are compared with `baseline`; without one each with each, and many with the first one. `blend`: their
    blends instead of their models. What `progress` raises ends it.

    Raises UserError for fewer than two runs, an unknown one, one without test figures, and protocols that are
    not alike.
    """
    side = "blend" if blend else "after"
    loaded = load_runs(workspace, runs, side)
    first = loaded[0]
    for run in loaded[1:]:
        require_alike((first.name, run.name), (first.spec, run.spec), (first.protocol, run.protocol))
    noun = case_noun(first.spec.task)
    keys = _common_keys(loaded, side, noun)
    answers = {run.name: _of_keys(run.answers[side], keys) for run in loaded}
    metrics = _metrics(first)
    figures = {name: measured(metrics, each.rows) for name, each in answers.items()}
    lead, _ = leading_metrics(first.spec.task, _k(first))
    notes = _notes(loaded, side, len(keys), noun)
    named = _name_of(loaded, baseline) if baseline else ""
    if not named and len(loaded) > EACH_WITH_EACH:
        named = first.name
        notes.append(
            f"{len(loaded)} runs are compared with {named!r}, not each with each: --baseline names "
            "another one."
        )
    couples = {(a, b): (answers[a], answers[b]) for a, b in _couples(list(answers), named)}
    blends = {
        (run.name, part): (_of_keys(run.answers[part], keys), answers[named or run.name])
        for run in loaded
        for part in BLENDS
        if part in run.answers and not blend
    }
    asked = [
        *couples.items(),
        *(((f"{part} of {run}", named or run), both) for (run, part), both in blends.items()),
    ]
    pairs = []
    for done, ((a, b), (ours, theirs)) in enumerate(asked):
        progress("resampling", done, len(asked))
        pairs.append(_pairs(a, b, ours, theirs, metrics))
    progress("resampling", len(asked), len(asked))
    return Comparison(
        runs=tuple(loaded),
        noun=noun,
        lead=lead,
        users=len(keys),
        differs=differences(
            {run.name: run.spec for run in loaded}, {run.name: run.protocol for run in loaded if run.protocol}
        ),
        metrics={
            metric.name: {name: _number(values[metric.name]) for name, values in figures.items()}
            for metric in metrics
        },
        pairs=tuple(pair for each in pairs[: len(couples)] for pair in each),
        gains=tuple(_gains(a, b, ours, theirs) for (a, b), (ours, theirs) in couples.items()),
        blends=tuple(
            Blended(run, part, {metric.name: _number(metric.of(ours.rows)) for metric in metrics}, each)
            for ((run, part), (ours, _)), each in zip(blends.items(), pairs[len(couples) :], strict=True)
        ),
        seeds=_seeds(loaded, figures),
        notes=tuple(notes),
    )


def _k(run: ComparedRun) -> int:
    return int(run.protocol.get("k") or run.spec.settings.evaluation.k)


def _metrics(run: ComparedRun) -> tuple[Metric, ...]:
    return classification_metrics() if run.spec.task == "classify" else ranking_metrics(_k(run))


def _common_keys(runs: Sequence[ComparedRun], side: str, noun: str) -> tuple[str, ...]:
    """The cases that all runs were measured on, in the order of the first one."""
    cases = {run.name: set(run.answers[side].keys) for run in runs}
    common = set.intersection(*cases.values())
    if not common:
        raise UserError(_nothing_common(runs, cases, noun))
    return tuple(key for key in runs[0].answers[side].keys if key in common)


def _of_keys(answers: Predictions, keys: tuple[str, ...]) -> Predictions:
    """The rows of some cases, in their order."""
    places = {key: place for place, key in enumerate(answers.keys)}
    return Predictions(keys, keys, take(answers.rows, np.array([places[key] for key in keys], np.intp)))


def _name_of(runs: Sequence[ComparedRun], wanted: str) -> str:
    for run in runs:
        if wanted in (run.name, run.id):
            return run.name
    raise UserError(f"The baseline {clean(wanted)!r} is none of the runs that are compared: name it, too.")


def _nothing_common(runs: Sequence[ComparedRun], cases: Mapping[str, set[str]], noun: str) -> str:
    first = runs[0]
    other = next((run for run in runs[1:] if cases[first.name].isdisjoint(cases[run.name])), runs[-1])
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


def _pairs(
    a: str, b: str, ours: Predictions, theirs: Predictions, metrics: Sequence[Metric]
) -> tuple[Pair, ...]:
    counts = asdict(tally(ours, theirs))
    intervals = ((metric, paired_bootstrap(metric, ours, theirs, SEED)) for metric in metrics)
    return tuple(
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
    )


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


def _notes(runs: Sequence[ComparedRun], side: str, common: int, noun: str) -> list[str]:
    """What limits the comparison, a sentence each."""
    notes = [
        f"Run {run.name!r} was measured on {cases_text(count, noun)}, of which {common:,} are "
        "those of all runs."
        for run in runs
        if (count := len(run.answers[side].keys)) != common
    ]
    few = few_cases(common, noun)
    return [*notes, *([few] if few else [])]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
