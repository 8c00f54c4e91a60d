"""The phases of a run as a checklist: what is done, what goes on and what waits, with counts and times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from promptrec_tui.runs.phases import (
    BASELINES,
    BLEND,
    IN_TRAINING,
    LIBRARIES,
    ORDER,
    OTHER_SCORE,
    PHASES,
    PREVIEWS,
    RESULT,
    TEMPERATURE,
    TEST_BASELINES,
    TRAINING,
    VALIDATION,
    Phase,
    steps_between_validations,
)
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import ACTIVE, State
from promptrec_tui.store.phases import PhaseRow
from promptrec_tui.store.runs import RunRow

UNEVEN = (LIBRARIES, BASELINES, TEST_BASELINES)
"""What they count differs in size: their speed says nothing about what is left."""

SHORT = (OTHER_SCORE, TEMPERATURE, RESULT)
"""Phases after training that are like no earlier one, but over soon."""


@dataclass(frozen=True)
class Step:
    """One phase. `part` is its id in `runs.phases`; `total` None where nothing is counted.

    `state`: "broken" when the run ended in it. `seconds`: so far. `seconds_left`: None where it is not known.
    """

    part: str
    title: str
    state: Literal["done", "now", "waiting", "broken"]
    done: int | None = None
    total: int | None = None
    seconds: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Left:
    """Seconds until the end of the run, or of its phase `what` where no more is known."""

    seconds: float
    what: str = ""


def checklist(
    spec: RunSpec, row: RunRow, phases: Sequence[PhaseRow], training_left: float | None, now: float
) -> tuple[Step, ...]:
    """The steps of the last attempt of a run, in order, at the time `now` (epoch seconds).

    `phases`: those that it has begun. `training_left`: seconds of the training steps that are left. A run
    that is over has no steps that wait; one of an earlier version has none at all.
    """
    active, queued = row.state in ACTIVE, row.state == State.QUEUED
    began = {} if queued else {each.part: each for each in phases}
    if not began and not active and not queued:
        return ()
    reached = max((place for place, phase in enumerate(ORDER) if phase.id in began), default=-1)
    in_training = active and 0 <= reached <= ORDER.index(IN_TRAINING[-1])
    steps: dict[str, Step] = {}
    for place, phase in enumerate(ORDER):
        known = began.get(phase.id)
        if in_training and phase in IN_TRAINING:
            steps[phase.id] = _turn(phase, known, spec, row, training_left, now)
        elif known:
            steps[phase.id] = _begun(phase, known, active, now)
        elif (active or queued) and place > reached and _expected(phase, spec):
            total = len(spec.settings.evaluation.baselines) if phase in (BASELINES, TEST_BASELINES) else None
            like = began.get(phase.like)
            left = _mean_seconds(like) if like else None
            steps[phase.id] = Step(phase.id, phase.title, "waiting", total=total, seconds_left=left)
    return tuple(steps.values())


def time_left(steps: Sequence[Step]) -> Left | None:
    """How long a run still takes: all of it where every larger step is known, else its training, else its
    present phase."""
    waiting = [step for step in steps if step.state in ("now", "waiting")]
    short = {phase.id for phase in SHORT}
    if waiting and all(step.seconds_left is not None or step.part in short for step in waiting):
        return Left(sum(step.seconds_left or 0.0 for step in waiting))
    turns = [step for step in waiting if PHASES[step.part] in IN_TRAINING]
    training = sum(step.seconds_left or 0.0 for step in turns)
    # After its last step a run still validates and previews, with no time of training left.
    if training and any(step.part == TRAINING.id and step.seconds_left is not None for step in turns):
        return Left(training, "training")
    for step in waiting:
        if step.state == "now" and step.seconds_left is not None:
            return Left(step.seconds_left, PHASES[step.part].kind)
    return None


def _begun(phase: Phase, known: PhaseRow, active: bool, now: float) -> Step:
    step = Step(phase.id, phase.title, "done", known.done, known.total, known.seconds)
    if known.began is None:
        return replace(step, done=known.times, total=None) if phase in (VALIDATION, PREVIEWS) else step
    if not active:
        return replace(step, state="broken", seconds=known.seconds + known.last - known.began)
    seconds = known.seconds + max(0.0, now - known.began)
    left = None if phase in UNEVEN else _counted_left(known, now)
    return replace(step, state="now", seconds=seconds, seconds_left=left)


def _turn(
    phase: Phase, known: PhaseRow | None, spec: RunSpec, row: RunRow, training_left: float | None, now: float
) -> Step:
    """A phase that comes again and again until the last step: it waits for its next turn, or has it."""
    step = _begun(phase, known, True, now) if known else Step(phase.id, phase.title, "waiting")
    going = step.state == "now"
    if phase is TRAINING:
        step = replace(step, done=row.step, total=row.total_steps, seconds_left=training_left)
    elif total := row.total_steps:
        every = steps_between_validations(spec.settings.train.eval_every, total)
        turns, over = -(-total // every), row.step // every + (row.step == total and total % every > 0)
        mean = _mean_seconds(known) if known else None
        left = None if mean is None else (turns - over) * mean + (step.seconds_left or 0.0)
        step = replace(step, seconds_left=left)
        if not going:
            step = replace(step, done=over, total=turns)
    return step if going else replace(step, state="waiting")


def _counted_left(known: PhaseRow, now: float) -> float | None:
    """Seconds of the present stretch that are left, by its own speed; None before its first count."""
    if known.began is None or not known.done or not known.total or known.last <= known.began:
        return None
    end = known.began + (known.last - known.began) * known.total / known.done
    return max(0.0, end - now)


def _mean_seconds(known: PhaseRow) -> float | None:
    """Of one turn of a phase; None before the first is over."""
    over = known.times - (known.began is not None)
    if over > 0:
        return known.seconds / over
    left = _counted_left(known, known.last)
    return None if left is None or known.began is None else known.last - known.began + left


def _expected(phase: Phase, spec: RunSpec) -> bool:
    """Whether a run of this spec comes to the phase, as far as its settings tell."""
    evaluation = spec.settings.evaluation
    if phase in (OTHER_SCORE, TEMPERATURE, BLEND) and spec.task != "next_item":
        return False
    if phase in (BASELINES, TEST_BASELINES):
        return spec.task != "next_item" or bool(evaluation.baselines)
    if phase is TEMPERATURE:
        return evaluation.score == "catalogue"
    return evaluation.blend if phase is BLEND else True
