"""One fine-tuning run, from top to bottom."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import set_seed

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.noise import noise_report
from promptrec_tui.evaluation.report import build_report
from promptrec_tui.evaluation.sampling import sample_users
from promptrec_tui.models.loading import (
    DTYPES,
    add_lora,
    choose_device,
    choose_dtype,
    exchange_adapter,
    load_base,
)
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.checkpoints import (
    checkpoint_path,
    newest_verified,
    quarantine_damaged,
    verify,
)
from promptrec_tui.runs.diagnosis import gpu_memory, no_figures
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import asks_to_evaluate, claimed_device
from promptrec_tui.runs.states import State
from promptrec_tui.tokentree.backbone import NoMemoryError, free_bytes
from promptrec_tui.tokentree.places import Place
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.sizes import forward_tokens
from promptrec_tui.tuning.adapters import kept_adapter, start_adapter
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.bench import Bench, Figures
from promptrec_tui.tuning.callbacks import NOT_FINITE_LIMIT, Conductor, NotFiniteError, Standing
from promptrec_tui.tuning.desk import CancelledError, Desk, Ending
from promptrec_tui.tuning.journal import Journal, Outcome
from promptrec_tui.tuning.material import (
    TrainingTrees,
    UserEvents,
    checked_dataset,
    open_task,
    read_users,
    trees_at,
)
from promptrec_tui.tuning.previews import PREVIEW_USERS
from promptrec_tui.tuning.pulse import watch
from promptrec_tui.tuning.ranking import Case, check_engine, ranks_of
from promptrec_tui.tuning.result import write_result
from promptrec_tui.tuning.surroundings import computing, differences, surroundings, unused_gpu
from promptrec_tui.tuning.trainer import StepTooLargeError, TargetTrainer, training_arguments
from promptrec_tui.tuning.validation import Validation


def fine_tune(folder: RunFolder, device: str, journal: Journal, desk: Desk) -> Outcome:
    """Tune the run's model on its dataset and judge it; everything is written to the run folder.

    `device` is the setting as this process sees it. Raises UserError for what a person can mend.

    The first step comes first: baselines for validation and previews of the untuned model follow it.
    Validation and test figures of the untuned model come after training, with the adapter switched off, which
    is the same model bit for bit.
    """
    spec = placed_spec(folder)
    data, train, evaluation = spec.settings.data, spec.settings.train, spec.settings.evaluation
    exclude_seen = evaluation.seen == "removed"

    reading = _progress(journal, "loading", "Reading the dataset")
    with checked_dataset(folder.home, spec) as dataset:
        items = dataset.items()
        users = read_users(dataset, data, reading)
        task = open_task(spec, dataset, items)

    trees = TrainingTrees(task, users, data)
    if not trees:
        raise UserError(
            f"Dataset {spec.dataset.name!r} has nothing to train on: no user has 5 events (two of history, "
            "one to train, one to validate, one to test)."
        )

    measured = {user.key: user for user in users if user.split}
    # Runs of before there was an evaluation.seed have drawn their users by train.seed.
    seed = train.seed if evaluation.seed is None else evaluation.seed
    tested = [measured[key] for key in sample_users(measured, evaluation.users, seed)]
    monitored = [measured[key] for key in sample_users(measured, evaluation.monitor_users, seed)]
    pinned = tested[:PREVIEW_USERS]

    quarantined = quarantine_damaged(folder)
    for path in quarantined:
        journal.write("warning", message=f"Checkpoint {path.name} was damaged and is now in quarantine.")
    checkpoint = newest_verified(folder)
    standing = Standing.from_extra(checkpoint.extra) if checkpoint else Standing()
    only_evaluate = asks_to_evaluate(folder.attempt(journal.attempt))
    kept = kept_adapter(folder, checkpoint, standing.best_step) if only_evaluate else None
    torch_device = choose_device(device)
    dtype = choose_dtype(train.precision, torch_device)
    precision = next(name for name, known in DTYPES.items() if known == dtype)
    bench = Bench(spec, task, users, exclude_seen, len(items), journal, desk, precision)

    start = start_adapter(folder, spec) if checkpoint is None and kept is None else None
    journal.phase("loading", message=f"Loading {spec.model.name}")
    base = load_base(Path(spec.model.folder), torch_device, dtype)
    set_seed(train.seed)
    model = add_lora(base, spec.settings.tuning)
    watch(model, journal.alive)
    ranker = Ranker(model, task.catalogue, normalised=evaluation.score == "mean")
    journal.phase("checking", message="Comparing the token tree with plain forwards")
    ranker.tick = partial(_go_on, journal, desk)
    bench = replace(bench, noise=check_engine(ranker, bench.cases(pinned, "validation"), task, journal))
    forward = forward_tokens(ranker.shape, free_bytes(torch_device), train.gradient_checkpointing)
    present = {**surroundings(torch_device), "tokens a forward": forward}
    journal.compute_with(computing(model))
    if warning := unused_gpu(claimed_device(folder.attempt(journal.attempt)), torch_device):
        journal.write("warning", message=warning)
    plan = Plan(
        trees,
        batch_size=train.batch_size,
        accumulate=train.accumulate,
        loss=train.loss,
        seed=train.seed,
        epochs=train.epochs,
        max_steps=train.max_steps,
        reach=ranker.reach,
        sizes=trees.sizes,
        forward=forward,
    )

    monitor_cases = bench.cases(monitored, "validation")
    validation = Validation(
        model=model,
        ranker=ranker,
        task=task,
        items=items,
        cases=monitor_cases,
        pinned=bench.cases(pinned, "validation"),
        loss=_validation_plan(bench, monitored, plan),
        k=evaluation.k,
        exclude_seen=exclude_seen,
        journal=journal,
        desk=desk,
        compare=partial(_compare, bench, monitor_cases),
        exact=train.monitor == "mrr",
    )
    trainer = TargetTrainer(model, plan, training_arguments(train, plan, folder.checkpoints, torch_device))
    conductor = Conductor(trainer, validation, train, standing, present, journal, desk)
    trainer.add_callback(conductor)

    try:
        if kept is not None:
            journal.phase("loading", message=f"Loading the adapter of step {kept[1]}")
            journal.got_to(checkpoint.step if checkpoint else kept[1])
            exchange_adapter(model, kept[0])
        elif checkpoint is None:
            if start:
                exchange_adapter(model, start)
        else:
            journal.phase("loading", message=f"Resuming from step {checkpoint.step}")
            journal.got_to(checkpoint.step)
            if warning := differences(checkpoint.extra.get("surroundings", {}), present):
                journal.write("warning", message=warning)
            exchange_adapter(model, checkpoint.path)
            conductor.catch_up(checkpoint.step)
    except CancelledError:
        pass

    try:
        if kept is None and not desk.cancelled() and not standing.complete:
            trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
    except StepTooLargeError as error:
        remedy = gpu_memory(
            spec.name,
            journal.step + 1,
            error.forwards,
            error.rows,
            train.gradient_checkpointing,
            data.max_history,
        )
        return Outcome(State.FAILED, remedy.reason, journal.step, remedy.settings)
    except NotFiniteError as error:
        return _keep_last_finite(bench, model, tested, pinned, error.step, standing.skipped)
    step, ending = journal.step, desk.ending
    if kept and ending:
        return _evaluation_left(ending, step)
    if ending == "pause":
        return Outcome(State.PAUSED, f"Paused at step {step} of {plan.total_steps}.", step)
    if step == 0:
        return Outcome(State.STOPPED, "Stopped before the first step: there is no adapter.", 0)

    best = kept[1] if kept else _bring_back_the_best(folder, model, standing, journal)
    cases = bench.cases(tested, "test")
    figures = Figures(bench.baselines(cases, "test"))
    for name, ranks in figures.baselines.items():
        bench.tell("test", name, best or step, ranks)
    try:
        if desk.ending is None:
            if not standing.untuned:
                _measure_untuned(model, validation, standing)
            with model.disable_adapter():
                progress = _progress(journal, "testing", "The untuned model on the test targets")
                figures.before = bench.rank(ranker, cases, progress)
            bench.tell("test", "untuned", 0, ranks_of(figures.before))
            progress = _progress(journal, "testing", "The tuned model on the test targets")
            figures.after = bench.rank(ranker, cases, progress)
            bench.tell("test", "tuned", best or step, ranks_of(figures.after))
            validation.preview(
                "after", best or step, _progress(journal, "previews", "Previews of the tuned model")
            )
    except CancelledError:
        if kept:
            return _evaluation_left(desk.ending, step)
        if desk.ending == "pause":
            return Outcome(State.PAUSED, "Paused in the final evaluation: resume to finish it.", step)
    except (NoMemoryError, torch.OutOfMemoryError):
        figures.missing = no_figures(spec.name, best or step)
        if kept and folder.result.is_dir():
            return Outcome(State.FAILED, figures.missing, step)

    _write(bench, model, cases, figures, pinned, best or step, standing.skipped)
    if figures.missing:
        return Outcome(State.FAILED, figures.missing, step)
    what = f"the adapter of step {best or step}"
    if best and best == standing.best_step:
        what += ", the best on validation,"
    if figures.after is None:
        return Outcome(State.STOPPED, f"Stopped at step {step}; {what} is kept.", step)
    if kept and not standing.complete:
        return Outcome(State.STOPPED, f"Stopped at step {step}; {what} is kept and evaluated.", step)
    early = f", as train.patience says, of {plan.total_steps}" if step < plan.total_steps else ""
    return Outcome(State.DONE, f"Done after {step} steps{early}; {what} is kept.", step)


def _evaluation_left(ending: Ending | None, step: int) -> Outcome:
    """The end of an evaluation that was asked to end early: an earlier result stays as it is."""
    again = "nothing is changed; 'promptrec run resume --evaluate' does it again."
    if ending == "pause":
        return Outcome(State.PAUSED, f"Paused in the evaluation at step {step}: {again}", step)
    return Outcome(State.STOPPED, f"Stopped in the evaluation at step {step}: {again}", step)


def _write(
    bench: Bench,
    model: PeftModel,
    cases: Sequence[Case],
    figures: Figures,
    pinned: Sequence[UserEvents],
    step: int,
    skipped: int,
) -> None:
    """Write the result: the adapter in the model, which is of `step`, and the test figures there are."""
    bench.journal.phase("finishing", message="Writing the result")
    report = build_report(
        bench.protocol("test", len(cases)),
        [case.user for case in cases],
        np.full(len(cases), np.nan) if figures.before is None else ranks_of(figures.before),
        None if figures.after is None else ranks_of(figures.after),
        figures.baselines,
        bench.spec.settings.train.seed,
        [user.key for user in pinned],
    )
    report["skipped_steps"] = skipped
    report["missing"] = figures.missing
    if bench.noise:
        report["noise"] = noise_report(
            bench.noise,
            bench.precision,
            bench.spec.settings.evaluation.k,
            len(cases),
            _bounds(figures.before),
            _bounds(figures.after),
        )
    write_result(bench.journal.folder, bench.spec, model, report, step)


def _bounds(places: Sequence[Place] | None) -> list[tuple[float, float]] | None:
    """The best and the worst rank of each."""
    return None if places is None else [(place.best, place.worst) for place in places]


def _keep_last_finite(
    bench: Bench,
    model: PeftModel,
    tested: Sequence[UserEvents],
    pinned: Sequence[UserEvents],
    step: int,
    skipped: int,
) -> Outcome:
    """The end of a run whose loss was lost up to `step`: its last good checkpoint becomes the result."""
    lost = (
        f"The loss or its gradient was not a number (NaN, infinity) {NOT_FINITE_LIMIT} times in a row, "
        f"up to step {step}"
    )
    advice = "fork the run with a lower train.learning_rate or a higher train.warmup."
    good = newest_verified(bench.journal.folder)
    if good is None:
        return Outcome(State.FAILED, f"{lost}, before any checkpoint: {advice}", step)
    exchange_adapter(model, good.path)
    cases = bench.cases(tested, "test")
    _write(bench, model, cases, Figures(bench.baselines(cases, "test")), pinned, good.step, skipped)
    return Outcome(State.FAILED, f"{lost}; the adapter of {good.path.name} is kept. Now {advice}", step)


def _validation_plan(bench: Bench, users: Sequence[UserEvents], training: Plan) -> Plan:
    """The validation targets of `users` as the one step of a plan, for their loss."""
    data, task = bench.spec.settings.data, bench.task
    trees = [
        tree for user in users for tree in trees_at(task, user, [bench.target(user, "validation")], data)
    ]
    return Plan(
        trees, batch_size=len(trees), loss=training.loss, reach=training.reach, forward=training.forward
    )


def _compare(bench: Bench, cases: Sequence[Case]) -> None:
    """Tell the figures of the baselines beside the validation curves."""
    for name, ranks in bench.baselines(cases, "validation").items():
        bench.tell("validation", name, 0, ranks)


def _measure_untuned(model: PeftModel, validation: Validation, standing: Standing) -> None:
    """The untuned model's point of the validation curves."""
    with model.disable_adapter():
        validation.measure(
            0, _progress(validation.journal, "validating", "The untuned model on the validation targets")
        )
    standing.untuned = True


def _go_on(journal: Journal, desk: Desk) -> None:
    """Between two forwards of a ranking: the run is alive; raises CancelledError when it is to end."""
    journal.alive()
    if desk.cancelled():
        raise CancelledError


def _progress(journal: Journal, phase: str, message: str) -> Callable[[int, int], None]:
    """Progress of a phase that counts users."""
    return lambda done, users: journal.phase(phase, done, users, message)


def _bring_back_the_best(folder: RunFolder, model: PeftModel, standing: Standing, journal: Journal) -> int:
    """Put the best adapter into the model; answers its step, 0 when there is none and the last stays."""
    if not standing.best_step:
        return 0
    try:
        exchange_adapter(model, verify(checkpoint_path(folder, standing.best_step)).path)
    except UserError as error:
        journal.write("warning", message=f"The best adapter is lost, the last one is kept: {error}")
        return 0
    return standing.best_step
