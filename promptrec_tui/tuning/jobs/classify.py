"""The job classify: which label has a text? The code that the encoder and the decoder jobs share."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptrec_tui.datasets.splits import split_labelled
from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.label_baselines import BASELINES
from promptrec_tui.evaluation.metrics import (
    Metric,
    classification_metrics,
    confusion,
    measured,
    per_class,
)
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.evaluation.protocol import sample_users
from promptrec_tui.home import Home
from promptrec_tui.models.methods import Tuned
from promptrec_tui.prompts.tokens import load_tokenizer
from promptrec_tui.runs.events import PreviewUser, Shown, WarningEvent
from promptrec_tui.runs.phases import BASELINES as VALIDATION_BASELINES
from promptrec_tui.runs.phases import TEST_BASELINES
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.classify import classify
from promptrec_tui.tasks.defaults import leading_metrics
from promptrec_tui.text import clean
from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tuning.batches import Batch, Steps
from promptrec_tui.tuning.data import checked_dataset
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.previews import PREVIEW_USERS
from promptrec_tui.tuning.requests import RequestInbox

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

PREVIEW_LABELS = 10
"""The most labels of a preview: `evaluation.k` is not of classifiers."""


@dataclass(frozen=True)
class LabelledText:
    """A row of the dataset: its key, its fields, and the number of its label."""

    key: str
    fields: dict[str, str]
    label: int

    @property
    def text(self) -> str:
        """All fields, for baselines that count words."""
        return " ".join(self.fields.values())


class ClassifyJob(ABC):
    """What all classifiers share: the texts of each split, metrics, baselines and previews.

    Labels are those of the training texts. A text of another split with any other label is left out, with a
    warning.
    """

    written = True
    """Whether the model scores labels as texts."""

    def __init__(self, spec: RunSpec, home: Home) -> None:
        """Raises UserError when the dataset has no labelled training text."""
        self.spec = spec
        self.settings = spec.settings
        evaluation, train = self.settings.evaluation, self.settings.train
        self.seed = train.seed if evaluation.seed is None else evaluation.seed
        with checked_dataset(home, spec) as dataset:
            self.examples = {
                example.example_id: example for example in dataset.examples() if example.label is not None
            }
        splits = [(number, example.split) for number, example in self.examples.items()]
        self.parts = split_labelled(splits, self.seed)
        self.tokenizer = load_tokenizer(Path(spec.model.folder))
        self.context = self.tokenizer.context - self.settings.tuning.virtual_tokens
        training = [self.examples[number] for number in self.parts.training]
        self.fields = _fields([example.texts for example in training])
        """The fields of a text by name: the value that all training texts have, or None where they differ."""
        self.task = classify(
            spec.template,
            self.tokenizer,
            [(example.texts, str(example.label)) for example in training],
            self.context,
            self.seed,
            self.written,
        )
        self.numbers = {label: number for number, label in enumerate(self.task.labels)}
        self.lead, _ = leading_metrics(spec.task, evaluation.k)
        self.metrics: tuple[Metric, ...] = classification_metrics()
        self.curve: tuple[Metric, ...] = self.metrics
        self.tick: Callable[[], None] = lambda: None
        self.precision = ""
        self.model: Any = None

    def read(self, journal: Journal, inbox: RequestInbox) -> None:
        """Read the texts of each part. Raises UserError when the dataset has none for one of them."""
        self.journal = journal
        evaluation = self.settings.evaluation
        self.training = list(self._known(self.parts.training, "training"))
        self.texts = {
            stage: self._sampled(list(self._known(numbers, stage)), wanted, stage)
            for stage, numbers, wanted in (
                ("validation", self.parts.validation, evaluation.monitor_users),
                ("test", self.parts.test, evaluation.users),
            )
        }
        self.test_cases = len(self.texts["test"])
        self.preview_keys: Sequence[str] = [text.key for text in self.texts["validation"][:PREVIEW_USERS]]

    @abstractmethod
    def load(self, device: torch.device, dtype: torch.dtype) -> Tuned:
        """The model with a new adapter."""

    @abstractmethod
    def check(self) -> None:
        """Raise UserError when predictions in batches differ from those of one text at a time."""

    @abstractmethod
    def steps(self) -> Steps:
        """Every training text is a target."""

    @abstractmethod
    def loss(self, model: Any, batch: Batch) -> Tensor:
        """The share of a step's loss that a batch has."""

    @abstractmethod
    def groups(self, texts: Sequence[LabelledText]) -> Iterator[Sequence[LabelledText]]:
        """The texts in batches of what one forward takes, in any order."""

    @abstractmethod
    def log_probabilities(self, texts: Sequence[LabelledText]) -> Floats:
        """log P of each label for one batch of texts: [R, C]; the probabilities of each row add up to 1."""

    @abstractmethod
    def validation_loss(self, predictions: Predictions) -> float:
        """The training loss on the validation texts, for which there are `predictions`."""

    def validate(self, step: int, progress: Progress) -> dict[str, float]:
        """Validation loss and metrics of the current model. Raises CancelledError."""
        try:
            predictions = self.predict("validation", progress)
            return {
                "validation_loss": self.validation_loss(predictions),
                **measured(self.curve, predictions.rows),
            }
        except NoMemoryError as error:
            self.journal.left_out("answers to the validation texts", step, error)
            return {}

    def predict(self, stage: str, progress: Progress) -> Predictions:
        """The label that the model predicts for each text. Raises CancelledError and NoMemoryError."""
        texts = self.texts[stage]
        return self._predictions(texts, self._ask(texts, progress))

    def answer(self, texts: Sequence[Mapping[str, str]]) -> Floats:
        """log P [R, C] of each label for texts, given by their fields; they need not be in the dataset.

        The computation is that of `predict`. Raises UserError for a text that the template cannot render, and
        NoMemoryError.
        """
        return self._ask([LabelledText(str(row), dict(fields), 0) for row, fields in enumerate(texts)])

    def cut(self, fields: Mapping[str, str]) -> int | None:
        """The number of tokens that the model reads of a text that is too long; None if it reads the whole.

        A model that writes its answer is never given a part of a text: `answer` refuses what does not fit.
        """
        return None

    def _ask(self, texts: Sequence[LabelledText], progress: Progress = lambda done, texts: None) -> Floats:
        """log P [R, C] of each label for each text, by the current model."""
        scores: dict[str, Floats] = {}
        progress(0, len(texts))
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                for group in self.groups(texts):
                    self.tick()
                    rows = self.log_probabilities(group)
                    scores |= {text.key: row for text, row in zip(group, rows, strict=True)}
                    progress(len(scores), len(texts))
        finally:
            self.model.train(training)
        return np.stack([scores[text.key] for text in texts])

    def baselines(self, stage: str) -> Iterator[tuple[str, Predictions]]:
        """Predictions of the baselines (label and word counts), fitted on the training texts."""
        learnt = [text.text for text in self.training]
        labels = [text.label for text in self.training]
        asked = [text.text for text in self.texts[stage]]
        phase = VALIDATION_BASELINES if stage == "validation" else TEST_BASELINES
        for done, (name, fit) in enumerate(BASELINES.items()):
            self.journal.phase(phase, done, len(BASELINES), f"Fitting {name} for the {stage} texts")
            scores = fit(learnt, labels, len(self.task.labels))(asked)
            yield name, self._predictions(self.texts[stage], scores)
        self.journal.phase(phase, len(BASELINES), len(BASELINES))

    def blend(self) -> None:
        """Labels are not blended."""
        return None

    def preview(self, key: str, untuned: bool) -> PreviewUser:
        """A validation text, its label and that label's rank, and the most likely labels."""
        text = next(text for text in self.texts["validation"] if text.key == key)
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                self.tick()
                (row,) = self.log_probabilities([text])
        finally:
            self.model.train(training)
        better, equal = (row > row[text.label]).sum(), (row == row[text.label]).sum() - 1
        best = np.argsort(-row, kind="stable")[:PREVIEW_LABELS].tolist()
        labels = self.task.labels
        return PreviewUser(
            user=f"text {key}",
            history=(text.text,),
            target=labels[text.label],
            rank=float(1 + better + equal / 2),
            top=tuple(
                Shown(labels[index], labels[index], float(row[index]), float(np.exp(row[index])))
                for index in best
            ),
        )

    def protocol(self, stage: str, cases: int) -> dict[str, Any]:
        """The protocol: the texts of one split, each classified once."""
        drawn = ", ".join(self.parts.drawn)
        return {
            "task": "classify",
            "split": f"of the source; {drawn} drawn" if drawn else "of the source",
            "labels": len(self.task.labels),
            **({"score": self.settings.evaluation.score} if self.written else {}),
            "users": cases,
            "stage": stage,
            "dataset": self.spec.dataset.sha256,
            "precision": self.precision,
            "seed": self.seed,
        }

    def references(self, progress: Callable[[int, int], None]) -> dict[str, Predictions]:
        """None: labels are scored in one way."""
        return {}

    def calibrate(self, progress: Callable[[int, int], None]) -> float | None:
        """None: the probabilities of labels stay those of the model."""
        return None

    def remarks(self, before: Predictions | None, after: Predictions | None) -> dict[str, Any]:
        """Metrics of each label and the confusion matrix, of the tuned model."""
        labels = self.task.labels
        if after is None:
            return {"labels": list(labels)}
        return {
            "labels": list(labels),
            "per_class": per_class(after.rows, labels),
            "confusion": confusion(after.rows, len(labels)).tolist(),
        }

    def _known(self, numbers: Iterable[int], part: str) -> Iterator[LabelledText]:
        """The texts whose label occurs in the training texts; a warning counts the others."""
        others: Counter[str] = Counter()
        for example in (self.examples[number] for number in numbers):
            label = str(example.label)
            if label in self.numbers:
                yield LabelledText(str(example.example_id), example.texts, self.numbers[label])
            else:
                others[label] += 1
        if others:
            some = ", ".join(repr(clean(label)) for label in sorted(others)[:3])
            self.journal.write(
                WarningEvent(
                    f"{others.total():,} {part} texts are left out: their labels ({some}) are those of "
                    "no training text."
                )
            )

    def _sampled(self, texts: Sequence[LabelledText], wanted: int, stage: str) -> list[LabelledText]:
        """At most `wanted` of the texts, drawn by the evaluation's seed."""
        if not texts:
            raise UserError(f"Dataset {self.spec.dataset.name!r} has no {stage} texts with a known label.")
        by_key = {text.key: text for text in texts}
        return [by_key[key] for key in sample_users(by_key, wanted, self.seed)]

    def _predictions(self, texts: Sequence[LabelledText], logs: Floats) -> Predictions:
        """The predictions for log P [R, C] of each label; of equally likely labels the first is predicted."""
        keys = tuple(text.key for text in texts)
        target = np.array([text.label for text in texts])
        label = logs.argmax(axis=1)
        # NaN means no label; argmax would return one.
        label[np.isnan(logs).any(axis=1)] = 0
        return Predictions(
            keys,
            keys,
            {
                "target": target,
                "label": label,
                "logprob": logs[np.arange(len(keys)), target],
                "confidence": np.exp(logs.max(axis=1)),
            },
        )


def _fields(texts: Sequence[Mapping[str, str]]) -> dict[str, str | None]:
    """Each field of some texts with the value that all of them have, or None.

    None for all fields where the texts are all the same.
    """
    names = list(dict.fromkeys(name for text in texts for name in text))
    values = {name: {text.get(name) for text in texts} for name in names}
    common = {name: distinct.pop() if len(distinct) == 1 else None for name, distinct in values.items()}
    return common if None in common.values() else dict.fromkeys(names)
