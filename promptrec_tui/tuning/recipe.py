"""One fine-tuning run from start to end: prepare, train, evaluate, write."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.evaluation.report import build_report, with_blend
from promptrec_tui.models.loading import choose_device, choose_dtype
from promptrec_tui.models.methods import Tuned
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.checkpoints import (
    Checkpoint,
    checkpoint_path,
    newest_verified,
    quarantine_damaged,
    verify,
)
from promptrec_tui.runs.diagnosis import gpu_memory, no_figures
from promptrec_tui.runs.events import PreviewEvent, WarningEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.phases import (
    CHECK,
    DATASET,
    MODEL,
    OTHER_SCORE,
    RESULT,
    TEMPERATURE,
    TUNED_PREVIEWS,
    TUNED_TEST,
    UNTUNED_TEST,
    UNTUNED_VALIDATION,
    Phase,
)
from promptrec_tui.runs.queue import asks_to_evaluate, claimed_device
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import State
from promptrec_tui.tasks.defaults import case_noun
from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tuning.adapters import kept_adapter, start_adapter
from promptrec_tui.tuning.blending import Blended
from promptrec_tui.tuning.callbacks import NOT_FINITE_LIMIT, NotFiniteError, RunCallback, TrainingState
from promptrec_tui.tuning.environment import computing, differences, environment_of, unused_gpu
from promptrec_tui.tuning.evaluator import Evaluator
from promptrec_tui.tuning.jobs.job import Job, open_job
from promptrec_tui.tuning.journal import Journal, Outcome
from promptrec_tui.tuning.pulse import watch
from promptrec_tui.tuning.requests import CancelledError, Ending, RequestInbox
from promptrec_tui.tuning.result import write_result
from promptrec_tui.tuning.trainer import StepTooLargeError, TargetTrainer, training_arguments


@dataclass(frozen=True)
class Beginning:
    """Where an attempt starts: at a `checkpoint`, or at the `kept` adapter (and its step), which is only
    evaluated; else at step 0, a continued run with the adapter `start`."""

    training_state: TrainingState
    checkpoint: Checkpoint | None = None
    kept: tuple[Path, int] | None = None
    start: Path | None = None

    @property
    def fresh(self) -> bool:
        """Whether the run starts from step 0."""
        return self.checkpoint is None and self.kept is None


@dataclass
class TestPredictions:
    """The test predictions so far; `missing`: why some are missing."""

    baselines: dict[str, Predictions] = field(default_factory=dict)
    references: dict[str, Predictions] = field(default_factory=dict)
    before: Predictions | None = None
    after: Predictions | None = None
    blended: Blended | None = None
    missing: str = ""


def fine_tune(folder: RunFolder, device: str, journal: Journal, inbox: RequestInbox) -> Outcome:
    """Tune the run's model on its dataset and evaluate it; everything is written to the run folder.

    `device` is the setting for this process. Raises UserError for what a person can fix.

    Training begins at once: baselines for validation and previews of the untuned model follow the first step.
    Validation and test metrics of the untuned model follow after training, with the adapter disabled, which
    is the same model bit for bit.
    """
    # Prepare.
    spec = placed_spec(folder)
    train, trains = spec.settings.train, spec.settings.tuning.method != "none"
    journal.phase(DATASET, message="Opening the dataset")
    job = open_job(spec, folder.home, journal, inbox)
    beginning = _find_beginning(folder, spec, journal)
    training_state = beginning.training_state
    torch_device = choose_device(device)
    dtype = choose_dtype(train.precision, torch_device)
    journal.phase(MODEL, message=f"Loading {spec.model.name}")
    tuned = job.load(torch_device, dtype)
    watch(tuned.model, journal.alive)
    job.tick = partial(_go_on, journal, inbox)
    journal.phase(CHECK, message="Comparing fast forwards with plain ones")
    job.check()
    plan = job.steps()
    present = {**environment_of(torch_device), "tokens a forward": plan.forward}
    journal.compute_with(computing(tuned.model))
    if warning := unused_gpu(claimed_device(folder.attempt(journal.attempt)), torch_device):
        journal.write(WarningEvent(warning))
    evaluator = Evaluator(job, journal, inbox)
    arguments = training_arguments(train, plan, folder.checkpoints, torch_device)
    trainer = TargetTrainer(tuned, plan, job.loss, arguments, train.adversarial)
    callback = RunCallback(trainer, evaluator, train, training_state, present, journal, inbox)
    trainer.add_callback(callback)

    # Train.
    try:
        _take_up(beginning, spec, tuned, present, journal)
        if beginning.checkpoint and beginning.kept is None:
            callback.catch_up(beginning.checkpoint.step)
    except CancelledError:
        pass
    try:
        if trains and beginning.kept is None and not inbox.cancelled() and not training_state.complete:
            checkpoint = beginning.checkpoint
            trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
    except StepTooLargeError as error:
        remedy = gpu_memory(
            spec.name,
            journal.step + 1,
            error.forwards,
            error.rows,
            train.gradient_checkpointing,
            spec.settings.data.max_history,
        )
        return Outcome(State.FAILED, remedy.reason, journal.step, remedy.settings)
    except NotFiniteError as error:
        return _keep_last_finite(job, spec, tuned, journal, error.step, training_state.skipped)
    step, ending, kept = journal.step, inbox.ending, beginning.kept
    if kept and ending:
        return _evaluation_left(ending, step)
    if ending == "pause":
        return Outcome(State.PAUSED, f"Paused at step {step} of {plan.total_steps}.", step)
    if trains and step == 0:
        return Outcome(State.STOPPED, "Stopped before the first step: there is no adapter.", 0)

    # Judge.
    best = kept[1] if kept else _bring_back_the_best(folder, tuned, training_state, journal)
    made = TestPredictions()
    try:
        for name, predictions in job.baselines("test"):
            made.baselines[name] = predictions
            evaluator.report("test", name, best or step, predictions)
        if inbox.ending is None:
            blends = spec.settings.evaluation.blend
            _judge(job, tuned, evaluator, training_state, made, best or step, journal, blends)
    except CancelledError:
        if kept:
            return _evaluation_left(inbox.ending, step)
        if inbox.ending == "pause":
            return Outcome(State.PAUSED, "Paused in the final evaluation: resume to finish it.", step)
    except (NoMemoryError, torch.OutOfMemoryError):
        made.missing = no_figures(spec.name, best or step)
        if kept and folder.result.is_dir():
            return Outcome(State.FAILED, made.missing, step)

    # Write.
    _write(job, spec, tuned, made, journal, best or step, training_state.skipped)
    if made.missing:
        return Outcome(State.FAILED, made.missing, step)
    adapter_text = f"the adapter of step {best or step}"
    if best and best == training_state.best_step:
        adapter_text += ", the best on validation,"
    if made.after is None:
        return Outcome(State.STOPPED, f"Stopped at step {step}; {adapter_text} is kept.", step)
    if kept and not training_state.complete:
        return Outcome(State.STOPPED, f"Stopped at step {step}; {adapter_text} is kept and evaluated.", step)
    if not trains:
        return Outcome(State.DONE, f"Done without training: the figures are those of {spec.model.name}.", 0)
    early = f", as train.patience says, of {plan.total_steps}" if step < plan.total_steps else ""
    return Outcome(State.DONE, f"Done after {step} steps{early}; {adapter_text} is kept.", step)


def _find_beginning(folder: RunFolder, spec: RunSpec, journal: Journal) -> Beginning:
    """Find checkpoints and adapters of earlier attempts. Raises UserError when a requested one is missing."""
    for path in quarantine_damaged(folder):
        journal.write(WarningEvent(f"Checkpoint {path.name} was damaged and is now in quarantine."))
    checkpoint = newest_verified(folder)
    training_state = TrainingState.from_extra(checkpoint.extra) if checkpoint else TrainingState()
    if asks_to_evaluate(folder.attempt(journal.attempt)):
        return Beginning(
            training_state, checkpoint, kept_adapter(folder, checkpoint, training_state.best_step)
        )
    return Beginning(training_state, checkpoint, start=None if checkpoint else start_adapter(folder, spec))


def _take_up(
    beginning: Beginning, spec: RunSpec, tuned: Tuned, present: dict[str, object], journal: Journal
) -> None:
    """Load the starting weights into the model; Trainer restores optimiser and random states."""
    checkpoint, kept = beginning.checkpoint, beginning.kept
    if kept is not None:
        journal.phase(MODEL, message=f"Loading the adapter of step {kept[1]}")
        journal.got_to(checkpoint.step if checkpoint else kept[1])
        tuned.exchange(kept[0])
    elif checkpoint is not None:
        journal.phase(MODEL, message=f"Resuming from step {checkpoint.step}")
        journal.got_to(checkpoint.step)
        if warning := differences(checkpoint.extra.get("surroundings", {}), present):
            journal.write(WarningEvent(warning))
        tuned.exchange(checkpoint.path)
    elif beginning.start:
        tuned.exchange(beginning.start)


def _judge(
    job: Job,
    tuned: Tuned,
    evaluator: Evaluator,
    training_state: TrainingState,
    made: TestPredictions,
    step: int,
    journal: Journal,
    blends: bool,
) -> None:
    """Predict the test cases once with the untuned and once with the tuned model, whose adapter is of `step`.

    With `blends` also by the tuned model and the baselines together.
    Raises CancelledError and NoMemoryError; predictions made before that stay in `made`.
    """
    with tuned.untuned():
        if not training_state.untuned:
            message = "The untuned model on the validation targets"
            evaluator.measure(0, _progress(journal, UNTUNED_VALIDATION, message))
            training_state.untuned = True
        message = "The untuned model on the test targets"
        made.before = job.predict("test", _progress(journal, UNTUNED_TEST, message))
        message = "The untuned model under the other score"
        made.references |= evaluator.references(_progress(journal, OTHER_SCORE, message))
    evaluator.report("test", "untuned", 0, made.before)
    job.calibrate(_progress(journal, TEMPERATURE, "Fitting the temperature of probabilities"))
    if step:
        progress = _progress(journal, TUNED_TEST, "The tuned model on the test targets")
        made.after = job.predict("test", progress)
    else:
        # Nothing was trained: the model is the untuned one.
        made.after = made.before
    evaluator.report("test", "tuned", step, made.after)
    evaluator.preview("after", step, _progress(journal, TUNED_PREVIEWS, "Previews of the tuned model"))
    if not blends:
        return
    try:
        made.blended = job.blend()
    except (NoMemoryError, torch.OutOfMemoryError) as error:
        journal.left_out("the blend", step, error)
    if made.blended:
        evaluator.report("test", "mixture", step, made.blended.mixture_ranks)
        evaluator.report("test", "blend", step, made.blended.ranks)
        journal.write(PreviewEvent(step, "blend", made.blended.previews))


def _evaluation_left(ending: Ending | None, step: int) -> Outcome:
    """The outcome of an evaluation that a request ended early: an earlier result stays as it is."""
    again = "nothing is changed; 'promptrec run resume --evaluate' does it again."
    if ending == "pause":
        return Outcome(State.PAUSED, f"Paused in the evaluation at step {step}: {again}", step)
    return Outcome(State.STOPPED, f"Stopped in the evaluation at step {step}: {again}", step)


def _write(
    job: Job,
    spec: RunSpec,
    tuned: Tuned,
    made: TestPredictions,
    journal: Journal,
    step: int,
    skipped: int,
) -> None:
    """Write the result: the model's adapter, which is of `step`, and the available test metrics."""
    journal.phase(RESULT, message="Intervals of the figures")
    report = build_report(
        job.protocol("test", job.test_cases),
        job.metrics,
        job.lead,
        made.before,
        made.after,
        made.baselines,
        spec.settings.train.seed,
        job.preview_keys,
        case_noun(spec.task),
        made.references,
    )
    report |= {"skipped_steps": skipped, "missing": made.missing, **job.remarks(made.before, made.after)}
    if made.blended:
        blended, seed = made.blended, spec.settings.train.seed
        report = with_blend(report, job.metrics, blended.ranks, blended.mixture_ranks, seed)
    journal.phase(RESULT, message="Writing the result")
    write_result(journal.folder, spec, tuned, report, step, made.blended.blend if made.blended else None)


def _keep_last_finite(
    job: Job, spec: RunSpec, tuned: Tuned, journal: Journal, step: int, skipped: int
) -> Outcome:
    """The outcome of a run whose loss was not finite up to `step`: the last good checkpoint is the result."""
    lost = (
        f"The loss or its gradient was not a number (NaN, infinity) {NOT_FINITE_LIMIT} times in a row, "
        f"up to step {step}"
    )
    advice = "fork the run with a lower train.learning_rate or a higher train.warmup."
    good = newest_verified(journal.folder)
    if good is None:
        return Outcome(State.FAILED, f"{lost}, before any checkpoint: {advice}", step)
    tuned.exchange(good.path)
    made = TestPredictions()
    with suppress(CancelledError):
        made.baselines.update(job.baselines("test"))
    _write(job, spec, tuned, made, journal, good.step, skipped)
    return Outcome(State.FAILED, f"{lost}; the adapter of {good.path.name} is kept. Now {advice}", step)


def _go_on(journal: Journal, inbox: RequestInbox) -> None:
    """Record progress between two forwards of a ranking; raises CancelledError when the run must end."""
    journal.alive()
    if inbox.cancelled():
        raise CancelledError


def _progress(journal: Journal, phase: Phase, message: str) -> Callable[[int, int], None]:
    """Progress of a phase that counts cases."""
    return lambda done, cases: journal.phase(phase, done, cases, message)


def _bring_back_the_best(
    folder: RunFolder, tuned: Tuned, training_state: TrainingState, journal: Journal
) -> int:
    """Load the best adapter into the model; returns its step, 0 when there is none and the last one stays."""
    if not training_state.best_step:
        return 0
    try:
        tuned.exchange(verify(checkpoint_path(folder, training_state.best_step)).path)
    except UserError as error:
        journal.write(WarningEvent(f"The best adapter cannot be read, the last one is kept: {error}"))
        return 0
    return training_state.best_step
