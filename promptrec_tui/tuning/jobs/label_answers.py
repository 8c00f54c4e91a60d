"""Classify with a causal model: each label is a completion, and the most likely one is predicted."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import set_seed

from promptrec_tui.evaluation.predictions import Predictions
from promptrec_tui.models.loading import load_base
from promptrec_tui.models.methods import Tuned, attach
from promptrec_tui.tokentree.backbone import chunk_of, training_room
from promptrec_tui.tokentree.choices import Choices, choices_of
from promptrec_tui.tokentree.loss import completion_loss
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.sizes import forward_tokens
from promptrec_tui.tokentree.tree import Tree, merge
from promptrec_tui.tuning.batches import Batch, Plan
from promptrec_tui.tuning.jobs.classify import ClassifyJob, Floats, LabelledText
from promptrec_tui.tuning.ranking import check_engine


class LabelAnswers(ClassifyJob):
    """The labels are a small catalogue for the token tree; P is the likelihood normalised over all labels."""

    def load(self, device: torch.device, dtype: torch.dtype) -> Tuned:
        """The base model with a new adapter."""
        base = load_base(Path(self.spec.model.folder), device, dtype)
        set_seed(self.settings.train.seed)
        tuned = attach(base, self.settings.tuning)
        self.model = model = tuned.model
        self.precision = "bf16" if dtype == torch.bfloat16 else "fp32"
        self.chunk = chunk_of(model)
        self.ranker = Ranker(model, self.task.completions, self.settings.evaluation.score)
        return tuned

    def check(self) -> None:
        """Compare the token tree with plain forwards on three labels after a prompt."""
        prompt = self.task.prompt(self.training[0].fields).token_ids
        check_engine(self.ranker, prompt, self.task.completions[:3], self.journal)

    def steps(self) -> Plan:
        """Every training text once an epoch."""
        train = self.settings.train
        forward = forward_tokens(self.ranker.shape, training_room(self.model), train.gradient_checkpointing)
        self.plan = Plan(
            [self._tree(text) for text in self.training],
            batch_size=train.batch_size,
            accumulate=train.accumulate,
            loss=train.loss,
            seed=train.seed,
            epochs=train.epochs,
            max_steps=train.max_steps,
            reach=self.ranker.reach,
            forward=forward,
        )
        return self.plan

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """The loss of the labels as completions."""
        return completion_loss(model, batch, self.chunk, self.choices, self.settings.train.label_smoothing)

    def validation_loss(self, predictions: Predictions) -> float:
        """The same loss on the validation texts, without label smoothing."""
        parts = []
        with torch.no_grad():
            for batch in self._validation_plan.batches(0):
                self.tick()
                given = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
                parts.append(completion_loss(self.model, given, self.chunk, self.choices).item())
        return sum(parts)

    def groups(self, texts: Sequence[LabelledText]) -> Iterator[Sequence[LabelledText]]:
        """One text in each batch: its prompt is computed once for all labels."""
        return ([text] for text in texts)

    def log_probabilities(self, texts: Sequence[LabelledText]) -> Floats:
        """The softmax over the labels' scores."""
        scores = [self.ranker.scores(self.task.prompt(text.fields).token_ids) for text in texts]
        logs: Floats = torch.log_softmax(torch.stack(scores).double(), dim=-1).numpy()
        return np.asarray(logs)

    @cached_property
    def choices(self) -> Choices | None:
        """What the labels allow, where the loss is over that alone."""
        train = self.settings.train
        return choices_of(self.task.completions, train.temperature) if train.loss == "catalogue" else None

    @cached_property
    def _validation_plan(self) -> Plan:
        """A plan with one step that holds all validation texts."""
        trees = [self._tree(text) for text in self.texts["validation"]]
        plan = self.plan
        return Plan(trees, batch_size=len(trees), loss=plan.loss, reach=plan.reach, forward=plan.forward)

    def _tree(self, text: LabelledText) -> Tree:
        prompt = self.task.prompt(text.fields).token_ids
        if self.choices:
            return self.choices.tree([prompt], [text.label])
        return merge([prompt + self.task.completions[text.label]], [len(prompt)])
