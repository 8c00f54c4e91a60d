"""Classify with an encoder: a head gives each label a logit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import set_seed

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.models.loading import load_classifier
from promptrec_tui.models.methods import Tuned, attach
from promptrec_tui.tokentree.backbone import NoMemoryError
from promptrec_tui.tuning.batches import Batch, LabelledRow, RowPlan, labelled_batch
from promptrec_tui.tuning.jobs.classify import ClassifyJob, Floats, LabelledText

TEXTS = 32
"""Texts in one forward of a prediction."""
LIMIT = 1e-3
"""Nats by which padding may change a prediction in fp32."""


class EncoderClasses(ClassifyJob):
    """An encoder reads the prompt, and its head has a logit for each label."""

    written = False

    def load(self, device: torch.device, dtype: torch.dtype) -> Tuned:
        """The encoder with a head of zeros, for which all labels are equally likely, and a new adapter."""
        seed = self.settings.train.seed
        base = load_classifier(Path(self.spec.model.folder), device, dtype, self.task.labels, seed)
        set_seed(seed)
        tuned = attach(base, self.settings.tuning)
        self.model = tuned.model
        self.precision = "bf16" if dtype == torch.bfloat16 else "fp32"
        self.padding = int(base.config.pad_token_id or 0)
        # The tokenizer cuts the end of a prompt that is too long for the encoder.
        self.task = replace(self.task, room=2**31)
        return tuned

    def check(self) -> None:
        """Compare three texts in one padded batch with each alone."""
        texts = self.training[:3]
        with torch.no_grad():
            together = self.log_probabilities(texts)
            alone = np.concatenate([self.log_probabilities([text]) for text in texts])
        difference = float(np.abs(together - alone).max())
        if self.precision == "fp32" and not difference <= LIMIT:
            raise UserError(
                f"This model's answers for texts in a batch and one by one are {difference:.2g} nats apart, "
                f"and up to {LIMIT:g} would be rounding. It cannot be trusted here: choose another model."
            )

    def steps(self) -> RowPlan:
        """Every training text once an epoch."""
        train = self.settings.train
        return RowPlan(
            [LabelledRow(self._token_ids(text), text.label) for text in self.training],
            padding=self.padding,
            batch_size=train.batch_size,
            accumulate=train.accumulate,
            seed=train.seed,
            epochs=train.epochs,
            max_steps=train.max_steps,
        )

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """Cross-entropy of each text's label, times the weights of text and label."""
        logits = model(input_ids=batch["token_ids"], attention_mask=batch["mask"]).logits.float()
        labels, smoothing = batch["labels"], self.settings.train.label_smoothing
        losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        weights = self.label_weights.to(labels.device)[labels] * batch["weights"]
        return (losses * weights).sum()

    @cached_property
    def label_weights(self) -> Tensor:
        """The weight of each label [C]: of rare ones more if asked for, on average over all texts 1."""
        if self.settings.train.class_weights == "none":
            return torch.ones(len(self.task.labels))
        return balanced_weights([text.label for text in self.training], len(self.task.labels))

    def validation_loss(self, predictions: Predictions) -> float:
        """The mean over texts of -log P of their label."""
        return -float(predictions.rows["logprob"].mean())

    def groups(self, texts: Sequence[LabelledText]) -> Iterator[Sequence[LabelledText]]:
        """Batches of texts of similar length."""
        ordered = sorted(texts, key=lambda text: len(text.text))
        for first in range(0, len(ordered), TEXTS):
            yield ordered[first : first + TEXTS]

    def log_probabilities(self, texts: Sequence[LabelledText]) -> Floats:
        """The softmax over the head's logits; a batch that does not fit the memory is computed in halves."""
        rows = [LabelledRow(self._token_ids(text), text.label) for text in texts]
        batch = labelled_batch(rows, self.padding, 0.0)
        device = self.model.device
        try:
            logits = self.model(
                input_ids=batch["token_ids"].to(device), attention_mask=batch["mask"].to(device)
            ).logits
        except torch.OutOfMemoryError as error:
            if len(texts) == 1:
                raise NoMemoryError from error
            middle = len(texts) // 2
            parts = [self.log_probabilities(part) for part in (texts[:middle], texts[middle:])]
            return np.concatenate(parts)
        logs: Floats = torch.log_softmax(logits.double(), dim=-1).cpu().numpy()
        return logs

    def cut(self, fields: Mapping[str, str]) -> int | None:
        """The encoder's context, for a prompt that is longer with its end token."""
        end = self.tokenizer.end_ids(self.task.template.end_token)
        length = len(self.task.prompt(fields).token_ids) + len(end)
        return self.context if length > self.context else None

    def _token_ids(self, text: LabelledText) -> tuple[int, ...]:
        """The prompt and the end token, cut to the encoder's context."""
        end = self.tokenizer.end_ids(self.task.template.end_token)
        prompt = self.task.prompt(text.fields).token_ids
        return (*prompt[: self.context - len(end)], *end)


def balanced_weights(labels: Sequence[int], classes: int) -> Tensor:
    """The weight of each class [C], n / (C · count), under which all classes count alike."""
    counts = np.bincount(labels, minlength=classes)
    return torch.from_numpy(len(labels) / (classes * np.maximum(counts, 1))).float()
