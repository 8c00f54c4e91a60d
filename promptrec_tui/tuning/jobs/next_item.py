"""The job next_item with a causal model: items are answers in text, scored by the token tree."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import set_seed

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.baselines import Baseline
from promptrec_tui.evaluation.blend import fit_blends
from promptrec_tui.evaluation.calibration import calibration_report
from promptrec_tui.evaluation.features import Floats, numeric_columns
from promptrec_tui.evaluation.logit import Choice
from promptrec_tui.evaluation.metrics import Metric, measured, ranking_metrics
from promptrec_tui.evaluation.noise import noise_report
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.evaluation.protocol import Protocol, sample_users
from promptrec_tui.home import Home
from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach
from promptrec_tui.runs.events import PreviewUser, WarningEvent
from promptrec_tui.runs.phases import BLEND, DATASET, UNTUNED_VALIDATION, VALIDATION
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.defaults import leading_metrics
from promptrec_tui.tokentree.backbone import NoMemoryError, chunk_of, training_room
from promptrec_tui.tokentree.choices import Choices, choices_of
from promptrec_tui.tokentree.loss import Batch, completion_loss
from promptrec_tui.tokentree.places import NotANumberError
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.sizes import forward_tokens
from promptrec_tui.tuning.batches import Plan
from promptrec_tui.tuning.blending import FEWEST, Blended, Says, Witnesses, blend_ranks, user_choices
from promptrec_tui.tuning.data import (
    TrainingTrees,
    UserEvents,
    case_at,
    checked_dataset,
    open_task,
    read_users,
    trees_at,
)
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.previews import PREVIEW_USERS, preview
from promptrec_tui.tuning.probabilities import (
    answer_users,
    has_probabilities,
    ranks_under_other_score,
    temperature_of,
)
from promptrec_tui.tuning.ranking import Case, check_engine, rank_baseline, rank_users
from promptrec_tui.tuning.requests import RequestInbox
from promptrec_tui.tuning.scorers import fit_scorers, ranking_by
from promptrec_tui.tuning.validation_loss import validation_loss

CALIBRATING = 200
"""Users on whose validation targets the temperature is fitted, at most."""


class NextItemJob:
    """Which item comes next after a user's history, among the whole catalogue?

    Its cases are users: those measured on the test targets, and the fewer that are watched in training.
    """

    def __init__(self, spec: RunSpec, home: Home) -> None:
        """Raises UserError when dataset, template and model do not go together."""
        self.spec, self.home = spec, home
        self.settings = spec.settings
        evaluation = self.settings.evaluation
        with checked_dataset(home, spec) as dataset:
            self.items = dataset.items()
            self.task = open_task(spec, dataset, self.items)
        # Runs of before there was an evaluation.seed have drawn their users by train.seed.
        self.seed = self.settings.train.seed if evaluation.seed is None else evaluation.seed
        self.exact = self.settings.train.monitor == "mrr"
        """Whether validation needs exact ranks beyond the first k, as MRR over all ranks does."""
        self.metrics: tuple[Metric, ...] = ranking_metrics(evaluation.k)
        self.curve: tuple[Metric, ...] = ranking_metrics(evaluation.k, capped=not self.exact)
        self.lead, _ = leading_metrics(spec.task, evaluation.k)
        self.exclude_seen = evaluation.seen == "removed"
        self.precision = ""
        self.noise = 0.0
        """Nats that a score may be off in that precision."""
        self.temperature = 1.0
        self.calibrated_on = 0
        """Validation cases by which the temperature was fitted."""
        self._fitted: dict[str, list[Baseline]] = {}
        """The scorers of each stage, kept for a blend."""
        self.model: Any = None
        self.ranker: Ranker

    def read(self, journal: Journal, inbox: RequestInbox) -> None:
        """Read every user's events. Raises UserError when the dataset has nothing to train on."""
        self.journal, self.inbox, data = journal, inbox, self.settings.data
        reading = partial(journal.phase, DATASET, message="Reading the dataset")
        with checked_dataset(self.home, self.spec) as dataset:
            self.users = read_users(dataset, data, reading)
        self.trees = TrainingTrees(self.task, self.users, data, self.choices)
        if not self.trees:
            raise UserError(
                f"Dataset {self.spec.dataset.name!r} has nothing to train on: no user has 5 events (two of "
                "history, one to train, one to validate, one to test)."
            )
        self.test_cases = len(self._drawn["test"])
        self.preview_keys: Sequence[str] = [user.key for user in self._drawn["test"][:PREVIEW_USERS]]

    @property
    def tick(self) -> Callable[[], None]:
        """Called before each forward of a ranking."""
        return self.ranker.tick

    @tick.setter
    def tick(self, tick: Callable[[], None]) -> None:
        self.ranker.tick = tick

    @cached_property
    def item_ids(self) -> Mapping[str, int]:
        """The id of each item, by its key."""
        return {item.key: item.item_id for item in self.items}

    @cached_property
    def columns(self) -> Mapping[str, Floats]:
        """The numbers that the dataset has of all its items, by column."""
        columns = numeric_columns([item.attributes for item in self.items])
        return {f"item {name}": values for name, values in columns.items()}

    @cached_property
    def choices(self) -> Choices | None:
        """What the catalogue allows, where the loss is over that alone."""
        train = self.settings.train
        return choices_of(self.task.catalogue, train.temperature) if train.loss == "catalogue" else None

    @cached_property
    def _drawn(self) -> dict[str, list[UserEvents]]:
        """The users of each stage: those of a small one are among those of a large one."""
        measured = {user.key: user for user in self.users if user.split}
        evaluation = self.settings.evaluation
        counts = {"test": evaluation.users, "validation": evaluation.monitor_users}
        return {
            stage: [measured[key] for key in sample_users(measured, count, self.seed)]
            for stage, count in counts.items()
        }

    def load(self, device: torch.device, dtype: torch.dtype) -> Tuned:
        """The base model under a fresh adapter."""
        base = load_base(Path(self.spec.model.folder), device, dtype)
        set_seed(self.settings.train.seed)
        tuned = attach(base, self.settings.tuning)
        self.model = model = tuned.model
        # Settled once: other chunks would round otherwise.
        self.chunk = chunk_of(model)
        self.precision = "bf16" if dtype == torch.bfloat16 else "fp32"
        self.ranker = Ranker(self.model, self.task.catalogue, self.settings.evaluation.score)
        return tuned

    def check(self) -> None:
        """Compare the token tree with plain forwards on three titles after a user's prompt."""
        first = self._case(self._drawn["test"][0], "validation")
        prompt = self.task.prompt(first.history).token_ids
        self.noise = check_engine(self.ranker, prompt, self.task.catalogue[:3], self.journal)

    def steps(self) -> Plan:
        """Every training target of every user, those of one user together."""
        train = self.settings.train
        self.plan = Plan(
            self.trees,
            batch_size=train.batch_size,
            accumulate=train.accumulate,
            loss=train.loss,
            seed=train.seed,
            epochs=train.epochs,
            max_steps=train.max_steps,
            reach=self.ranker.reach,
            sizes=self.trees.sizes,
            forward=forward_tokens(
                self.ranker.shape, training_room(self.model), train.gradient_checkpointing
            ),
        )
        return self.plan

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """The loss of the completions in a batch of trees."""
        return completion_loss(model, batch, self.chunk, self.choices, self.settings.train.label_smoothing)

    def validate(self, step: int, progress: Callable[[int, int], None]) -> dict[str, float]:
        """Validation loss and ranking metrics of the model as it is. Raises CancelledError."""
        values: dict[str, float] = {}
        try:
            values = measured(self.curve, self.predict("validation", progress).rows)
        except NoMemoryError as error:
            self.journal.left_out("ranks of the validation targets", step, error)
        try:
            batches = self._validation_plan.batches(0)
            counted = partial(self.journal.phase, VALIDATION if step else UNTUNED_VALIDATION, message="Loss")
            loss = validation_loss(self.model, batches, self.choices, self.tick, counted)
            values = {"validation_loss": loss, **values}
        except NoMemoryError as error:
            self.journal.left_out("validation loss", step, error)
        return values

    @cached_property
    def _validation_plan(self) -> Plan:
        """The validation targets as the one step of a plan."""
        trees = [
            tree
            for user in self._drawn["validation"]
            for tree in trees_at(
                self.task, user, [_target(user, "validation")], self.settings.data, self.choices
            )
        ]
        plan = self.plan
        return Plan(trees, batch_size=len(trees), loss=plan.loss, reach=plan.reach, forward=plan.forward)

    def predict(self, stage: str, progress: Callable[[int, int], None]) -> Predictions:
        """The rank of each user's target; of the validation only as far as its metrics look.

        Where scores are probabilities, a test has these too: see `answer_users`.
        """
        cases = self._cases(stage)
        # Of two scores each may be off by the noise, one up and the other down.
        margin = 2 * self.noise if stage == "test" else 0.0
        asked = self.ranker, self.task, cases, self.exclude_seen, progress, self.inbox.cancelled
        if stage == "test" and has_probabilities(self.ranker):
            return answer_users(*asked, self.temperature, margin)
        exact = stage == "test" or self.exact
        places = rank_users(*asked, cap=None if exact else self.settings.evaluation.k, margin=margin)
        keys = tuple(case.user for case in cases)
        columns = ("rank", "best", "worst") if stage == "test" and self.noise else ("rank",)
        rows = {name: np.array([getattr(place, name) for place in places]) for name in columns}
        return Predictions(keys, keys, rows)

    def calibrate(self, progress: Callable[[int, int], None]) -> float | None:
        """Fit the temperature of the model's probabilities on validation targets; None if it has none."""
        if not has_probabilities(self.ranker):
            return None
        # Of the test's users: those who are watched in training are too few.
        cases = self._cases("validation", "test")[:CALIBRATING]
        self.temperature = temperature_of(self.ranker, self.task, cases, progress, self.inbox.cancelled)
        self.calibrated_on = len(cases)
        return self.temperature

    def references(self, progress: Callable[[int, int], None]) -> dict[str, Predictions]:
        """The ranks up to k by the current model under the other score: the sum, or over the catalogue.

        So that what the restriction to the catalogue gains is not taken for the gain of tuning.
        """
        name, places = ranks_under_other_score(
            self.ranker,
            self.task,
            self._cases("test"),
            self.exclude_seen,
            self.settings.evaluation.k,
            progress,
            self.inbox.cancelled,
        )
        return {f"untuned_{name}": places}

    def scorers(self, stage: str) -> Iterator[Baseline]:
        """The settings' baselines, fitted one by one on what all users did before their targets of the stage.

        Raises CancelledError in one that takes long.
        """
        before = [user.sequence[: _target(user, stage)] for user in self.users]
        names, seed = self.settings.evaluation.baselines, self.settings.train.seed
        if stage not in self._fitted:
            fitted = []
            for scorer in fit_scorers(names, before, len(self.items), seed, stage, self.journal, self.inbox):
                fitted.append(scorer)
                yield scorer
            if self.settings.evaluation.blend:
                self._fitted[stage] = fitted
        else:
            yield from self._fitted[stage]

    def baselines(self, stage: str) -> Iterator[tuple[str, Predictions]]:
        """The ranks by each of the scorers. Raises CancelledError in one that takes long."""
        cases = self._cases(stage)
        for scorer in self.scorers(stage):
            asked = scorer, cases, self.exclude_seen, partial(ranking_by, scorer.name, self.journal)
            yield scorer.name, ranked(tuple(case.user for case in cases), rank_baseline(*asked))

    def blend(self) -> Blended | None:
        """A blend fitted on the validation targets of the test's users, and judged on their test targets.

        None, with a warning event, for too few users, without baselines and for a model whose scores are not
        numbers. Raises CancelledError and NoMemoryError.
        """
        witnesses, left_out = self._witnesses("validation"), ""
        if (users := len(self._drawn["test"])) < FEWEST:
            left_out = f"{users} users are too few for its weights, {FEWEST} at least."
        elif not witnesses.names:
            left_out = "there are no scorers beside the model; see evaluation.baselines."
        else:
            try:
                blend, mixture = fit_blends(*self._choices(witnesses))
            except NotANumberError as error:
                left_out = str(error)
        if left_out:
            self.journal.write(WarningEvent(f"The blend was left out: {left_out}"))
            return None
        previews = tuple(self._preview(key, says=witnesses.by(blend)) for key in self.preview_keys)
        witnesses = self._witnesses("test")
        ranks = partial(
            blend_ranks,
            self.ranker,
            self.task,
            self._cases("test"),
            self.exclude_seen,
            witnesses=witnesses,
            progress=partial(self.journal.phase, BLEND, message="The blend on the test targets"),
            cancelled=self.inbox.cancelled,
        )
        return Blended(blend, mixture, ranks(blend), ranks(mixture), previews)

    def _choices(self, witnesses: Witnesses) -> tuple[list[str], list[Choice]]:
        """The features, and what the test's users have chosen as their validation targets."""
        return user_choices(
            self.ranker,
            self.task,
            witnesses,
            self._cases("validation", "test"),
            self.exclude_seen,
            self.settings.train.seed,
            partial(self.journal.phase, BLEND, message="Fitting the blend on validation targets"),
            self.inbox.cancelled,
        )

    def _witnesses(self, stage: str) -> Witnesses:
        return Witnesses(list(self.scorers(stage)), self.columns, len(self.items))

    def preview(self, key: str, untuned: bool) -> PreviewUser:
        """The titles in a user's prompt, the target and its rank, and the K best titles."""
        return self._preview(key, sweep=untuned)

    def _preview(self, key: str, sweep: bool = False, says: Says | None = None) -> PreviewUser:
        user = next(user for user in self._drawn["test"] if user.key == key)
        case = self._case(user, "validation")
        asked = self.ranker, self.task, self.items, case, self.settings.evaluation.k, self.exclude_seen
        return preview(*asked, sweep, self.temperature, says(case) if says else None)

    def protocol(self, stage: str, cases: int) -> dict[str, Any]:
        """Leave-one-out over the whole catalogue, as the settings have it."""
        data, evaluation = self.settings.data, self.settings.evaluation
        return Protocol(
            split=data.split,
            tie_rule=data.tie_rule,
            catalogue=len(self.items),
            seen=evaluation.seen,
            score=evaluation.score,
            k=evaluation.k,
            cap=None,
            users=cases,
            max_history=data.max_history,
            stage=stage,
            dataset=self.spec.dataset.sha256,
            window=data.window,
            precision=self.precision,
            seed=self.seed,
        ).to_json()

    def remarks(self, before: Predictions | None, after: Predictions | None) -> dict[str, Any]:
        """How well probabilities fit, and how many ranks depend on differences below the model's noise."""
        remarks: dict[str, Any] = {}
        if after is not None and self.calibrated_on:
            titles = len(self.ranker.trie.titles)
            remarks["calibration"] = calibration_report(
                after.rows, self.temperature, self.calibrated_on, titles
            )
        if self.noise:
            users, k = len(self._drawn["test"]), self.settings.evaluation.k
            bounds = _bounds(before), _bounds(after)
            remarks["noise"] = noise_report(self.noise, self.precision, k, users, *bounds)
        return remarks

    def _cases(self, stage: str, users: str = "") -> list[Case]:
        """The targets of a stage, of the users drawn for it or for another stage."""
        return [self._case(user, stage) for user in self._drawn[users or stage]]

    def _case(self, user: UserEvents, stage: str) -> Case:
        """The question that the user's target of the stage asks."""
        return case_at(user, _target(user, stage), self.settings.data)


def _target(user: UserEvents, stage: str) -> int:
    """Position of the user's target of a stage; the end of the sequence for users without a split."""
    if user.split is None:
        return len(user.sequence)
    return user.split.validation if stage == "validation" else user.split.test


def _bounds(made: Predictions | None) -> Sequence[tuple[float, float]] | None:
    """The best and the worst rank that each case may have."""
    if made is None:
        return None
    return list(zip(made.rows["best"].tolist(), made.rows["worst"].tolist(), strict=True))
