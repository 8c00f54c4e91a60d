"""What a run is: its resolved, immutable description, as it stands in `run.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from promptrec_tui.prompts.template import Template
from promptrec_tui.runs.tuning_settings import LoraSettings, SettingsPart, TuningSettings, allowed

DEVICE = r"^(auto|cpu|mps|cuda(:\d+)?|(GPU|MIG)-[0-9A-Za-z/-]+)$"
RUN_ID = r"^[0-9a-z][0-9a-z-]{0,62}$"
MONITOR = r"^[a-z][a-z0-9_]*(@\d+)?$"
"""A metric by its form; which ones a task measures, `tasks/defaults.py` says."""


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


class RunSettings(SettingsPart):
    """Where and how the processes run."""

    device: Annotated[
        str,
        Field(
            pattern=DEVICE,
            description="What computes.",
            json_schema_extra=allowed("auto, cpu, mps, cuda:N or the UUID of a GPU"),
        ),
    ] = "auto"
    launcher: Annotated[Literal["local"], Field(description="Where the processes run.")] = "local"
    threads: Annotated[
        int, Field(ge=0, description="CPU threads of the trainer; 0: as many as there are cores.")
    ] = 0


class DataSettings(SettingsPart):
    """How examples are cut from the interactions."""

    split: Annotated[
        Literal["leave_one_out"],
        Field(
            description="Which events are targets of training, validation and test.",
            json_schema_extra=allowed(
                "leave_one_out; runs know no other split yet (promptrec dataset splits)"
            ),
        ),
    ] = "leave_one_out"
    tie_rule: Annotated[
        Literal["line", "item"], Field(description="The order of events at the same time.")
    ] = "line"
    max_history: Annotated[int, Field(ge=1, description="Events before a target that a prompt may hold.")] = (
        50
    )
    window: Annotated[
        Literal["anchored", "sliding"],
        Field(description="Whether targets of a user share the beginning of their history."),
    ] = "anchored"


def _with_method(value: Any) -> Any:
    """Tuning settings without a method are of LoRA."""
    return {"method": "lora", **value} if isinstance(value, Mapping) else value


class TrainSettings(SettingsPart):
    """The optimisation. Lengths are optimiser steps, batches are targets."""

    optimizer: Annotated[
        Literal["adamw", "sgd", "adafactor", "rmsprop"], Field(description="The optimiser.")
    ] = "adamw"
    momentum: Annotated[float, Field(ge=0, lt=1, description="Of train.optimizer=sgd.")] = 0.0
    learning_rate: Annotated[
        float, Field(gt=0, description="Size of a step: too large diverges, too small takes long.")
    ] = 1e-3
    scheduler: Annotated[
        Literal["cosine", "linear", "constant", "polynomial", "inverse_sqrt"],
        Field(description="How the learning rate falls after the warm-up."),
    ] = "cosine"
    warmup: Annotated[
        float, Field(ge=0, lt=1, description="Share of all steps in which the learning rate climbs.")
    ] = 0.05
    weight_decay: Annotated[float, Field(ge=0, description="Pull of the weights towards 0.")] = 0.01
    max_grad_norm: Annotated[float, Field(ge=0, description="Longer gradients are cut to it; 0: never.")] = (
        1.0
    )
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="Share of the aim that all other tokens or classes divide.")
    ] = 0.0
    class_weights: Annotated[
        Literal["none", "balanced"], Field(description="Whether texts of rare labels count more.")
    ] = "none"
    embedding_noise: Annotated[
        float, Field(ge=0, description="Noise on the embeddings in training (NEFTune's alpha); 0: none.")
    ] = 0.0
    adversarial: Annotated[
        float,
        Field(ge=0, description="Length by which embeddings are moved against the model (FGM); 0: never."),
    ] = 0.0
    epochs: Annotated[int, Field(ge=1, description="Passes over the training targets.")] = 3
    max_steps: Annotated[int, Field(ge=0, description="Steps after which it ends; 0: as the epochs say.")] = 0
    batch_size: Annotated[int, Field(ge=1, description="Targets of an optimiser step.")] = 128
    accumulate: Annotated[
        int, Field(ge=1, description="Parts of a step that are computed in turn, to save memory.")
    ] = 1
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Field(description="The numbers that the model computes with.")
    ] = "auto"
    gradient_checkpointing: Annotated[
        bool, Field(description="Compute activations twice instead of keeping them: slower, less memory.")
    ] = False
    loss: Annotated[
        Literal["target", "token", "catalogue"],
        Field(description="What is averaged: targets, tokens, or a softmax over the catalogue."),
    ] = "target"
    temperature: Annotated[float, Field(gt=0, description="Of the softmax of train.loss=catalogue.")] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Decides the first weights and the order.")] = 1
    eval_every: Annotated[
        int, Field(ge=0, description="Steps between evaluations; 0: about 8 evaluations a run.")
    ] = 0
    save_every: Annotated[
        int, Field(ge=0, description="Steps between checkpoints; 0: one at each evaluation.")
    ] = 0
    patience: Annotated[
        int, Field(ge=0, description="Evaluations without a better value before it ends; 0: never.")
    ] = 3
    monitor: Annotated[
        str,
        Field(
            pattern=MONITOR,
            description="The validation figure that chooses the best checkpoint.",
            json_schema_extra=allowed("validation_loss, or a metric that the task measures"),
        ),
    ] = "ndcg@10"


BaselineName = Literal[
    "popularity", "recent_popularity", "markov", "item_knn", "knn_markov", "ease", "sasrec"
]
BASELINES: tuple[BaselineName, ...] = ("popularity", "markov", "item_knn", "knn_markov")


class EvaluationSettings(SettingsPart):
    """What is measured, and on whom."""

    k: Annotated[int, Field(ge=1, description="The K of HR@K, NDCG@K and MRR@K.")] = 10
    users: Annotated[int, Field(ge=1, description="Cases of the test: more take longer, and tell more.")] = (
        200
    )
    monitor_users: Annotated[int, Field(ge=1, description="Cases of each validation during training.")] = 25
    seed: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**32,
            description="Which cases are drawn; without one, train.seed decides, as in old runs.",
            json_schema_extra=allowed("a whole number, at least 0, below 4294967296"),
        ),
    ] = None
    seen: Annotated[Literal["removed", "kept"], Field(description="Items of the history, in rankings.")] = (
        "removed"
    )
    score: Annotated[
        Literal["sum", "mean", "catalogue"], Field(description="How a title is scored from its tokens.")
    ] = "sum"
    baselines: Annotated[
        tuple[BaselineName, ...],
        BeforeValidator(_split),
        Field(description="What the model is compared with; ease and sasrec take minutes for many items."),
    ] = BASELINES
    blend: Annotated[
        bool, Field(description="End with weights for the model and the baselines together.")
    ] = False


class Settings(SettingsPart):
    """All that `--set` and a settings file may say, as `group.key`."""

    run: RunSettings = RunSettings()
    data: DataSettings = DataSettings()
    tuning: Annotated[
        Annotated[TuningSettings, Field(discriminator="method")], BeforeValidator(_with_method)
    ] = LoraSettings()
    train: TrainSettings = TrainSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _temperature_is_used(self) -> Self:
        if self.train.temperature != 1 and self.train.loss != "catalogue":
            raise ValueError(
                "train.temperature is a setting of train.loss=catalogue: set that, or leave it at 1."
            )
        return self

    @model_validator(mode="after")
    def _momentum_is_used(self) -> Self:
        if self.train.momentum and self.train.optimizer != "sgd":
            raise ValueError(
                "train.momentum is a setting of train.optimizer=sgd: set that, or leave it at 0."
            )
        return self

    @model_validator(mode="after")
    def _smoothing_is_used(self) -> Self:
        if self.train.label_smoothing and self.train.loss == "catalogue":
            raise ValueError(
                "train.label_smoothing is no setting of train.loss=catalogue: set train.loss=target, or "
                "leave it at 0."
            )
        return self

    @model_validator(mode="after")
    def _prefix_is_kept(self) -> Self:
        if self.train.gradient_checkpointing and self.tuning.method == "prefix_tuning":
            raise ValueError(
                "tuning.method=prefix_tuning needs what train.gradient_checkpointing=true throws away: "
                "set that to false, or tuning.method=prompt_tuning."
            )
        return self

    @model_validator(mode="after")
    def _noise_has_a_place(self) -> Self:
        if self.train.embedding_noise and self.tuning.virtual_tokens:
            raise ValueError(
                f"train.embedding_noise has no place beside the virtual tokens of {self.tuning.method}: "
                "leave it at 0, or set tuning.method=lora."
            )
        return self

    @model_validator(mode="after")
    def _monitor_is_measured(self) -> Self:
        metric, at, k = self.train.monitor.partition("@")
        if at and int(k) != self.evaluation.k:
            raise ValueError(
                f"train.monitor is {self.train.monitor} while evaluation.k is {self.evaluation.k}: "
                f"set train.monitor={metric}@{self.evaluation.k}, or evaluation.k={k}."
            )
        return self


class DatasetRef(SettingsPart):
    """The dataset file; `file` is relative to the home folder."""

    id: str
    name: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TemplateRef(Template):
    """The template, with its whole text."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    version: int
    wrap: str = "plain"
    """Of runs from before there was a choice, too."""
    sha256: str = field()
    """As it was when the run was made."""


class ModelRef(SettingsPart):
    """The base model; `folder` is absolute."""

    id: str
    name: str
    folder: str
    sha256: str
    family: str
    model_type: str


class ParentRef(SettingsPart):
    """The run from whose adapter a continued one starts; `sha256` is of the adapter's folder."""

    id: str
    name: str
    sha256: str


class RunSpec(SettingsPart):
    """A run, once and for all. A change is a new run."""

    format: Literal[1] = 1
    id: Annotated[str, Field(pattern=RUN_ID)]
    name: str
    created: str
    """UTC, ISO 8601."""
    task: str
    dataset: DatasetRef
    template: TemplateRef
    model: ModelRef
    settings: Settings
    parent: ParentRef | None = None
    """None: it starts from the base model alone."""
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
