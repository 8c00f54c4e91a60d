"""What a run is: its resolved, immutable description, as it stands in `run.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from promptrec_tui.prompts.template import Template

DEVICE = r"^(auto|cpu|mps|cuda(:\d+)?|(GPU|MIG)-[0-9A-Za-z/-]+)$"
RUN_ID = r"^[0-9a-z][0-9a-z-]{0,62}$"
MONITOR = r"^[a-z][a-z0-9_]*(@\d+)?$"
"""A metric by its form; which ones a task measures, `tasks/defaults.py` says."""


class _Part(BaseModel):
    # Validators are built when they are needed: commands that only list runs need none.
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False, defer_build=True
    )


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


class RunSettings(_Part):
    """Where and how the processes run."""

    device: Annotated[
        str, Field(pattern=DEVICE, description="auto, cpu, mps, cuda:N or the UUID of a GPU")
    ] = "auto"
    launcher: Literal["local"] = "local"
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of the trainer; 0: as many as there are cores."""


class DataSettings(_Part):
    """How examples are cut from the interactions."""

    split: Annotated[
        Literal["leave_one_out"],
        Field(description="leave_one_out; runs know no other split yet (promptrec dataset splits)"),
    ] = "leave_one_out"
    tie_rule: Literal["line", "item"] = "line"
    max_history: Annotated[int, Field(ge=1)] = 50
    """Events before a target that a prompt may hold."""
    window: Literal["anchored", "sliding"] = "anchored"


class LoraSettings(_Part):
    """Low-rank adapters beside frozen weights."""

    result: ClassVar[str] = "A LoRA adapter"
    """What the run leaves behind, in its card."""
    peft: ClassVar[bool] = True
    """Whether that is a folder of peft; else it is a file of weights."""

    method: Literal["lora"] = "lora"
    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    targets: Annotated[
        str,
        Field(pattern=r"^[\w-]+(,[\w-]+)*$", description="all-linear, or names of modules, by commas"),
    ] = "all-linear"


class FullSettings(_Part):
    """All weights of the base model."""

    result: ClassVar[str] = "A set of tuned weights, all those of its base model,"
    peft: ClassVar[bool] = False

    method: Literal["full"] = "full"


class LastLayersSettings(_Part):
    """The weights of the top transformer blocks and of what follows them but the output embeddings."""

    result: ClassVar[str] = "A set of tuned weights, those of its base model's last layers,"
    peft: ClassVar[bool] = False

    method: Literal["last_layers"] = "last_layers"
    layers: Annotated[int, Field(ge=1)] = 2
    """Transformer blocks, counted from the top."""


TuningSettings = LoraSettings | FullSettings | LastLayersSettings
METHODS = {str(part.model_fields["method"].default): part for part in get_args(TuningSettings)}


def _with_method(value: Any) -> Any:
    """Tuning settings without a method are of LoRA."""
    return {"method": "lora", **value} if isinstance(value, Mapping) else value


class TrainSettings(_Part):
    """The optimisation. Lengths are optimiser steps, batches are targets."""

    optimizer: Literal["adamw"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of all steps in which the learning rate climbs."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    epochs: Annotated[int, Field(ge=1)] = 3
    max_steps: Annotated[int, Field(ge=0)] = 0
    """0: as the epochs say."""
    batch_size: Annotated[int, Field(ge=1)] = 128
    accumulate: Annotated[int, Field(ge=1)] = 1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    gradient_checkpointing: bool = False
    loss: Literal["target", "token", "catalogue"] = "target"
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the softmax of loss=catalogue."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    eval_every: Annotated[int, Field(ge=0)] = 0
    """0: about 8 evaluations a run."""
    save_every: Annotated[int, Field(ge=0)] = 0
    """0: at each evaluation."""
    patience: Annotated[int, Field(ge=0)] = 3
    """Evaluations without a better value before the run ends; 0: never."""
    monitor: Annotated[
        str, Field(pattern=MONITOR, description="validation_loss, or a metric that the task measures")
    ] = "ndcg@10"


BaselineName = Literal[
    "popularity", "recent_popularity", "markov", "item_knn", "knn_markov", "ease", "sasrec"
]
BASELINES: tuple[BaselineName, ...] = ("popularity", "markov", "item_knn", "knn_markov")


class EvaluationSettings(_Part):
    """What is measured, and on whom."""

    k: Annotated[int, Field(ge=1)] = 10
    users: Annotated[int, Field(ge=1)] = 200
    monitor_users: Annotated[int, Field(ge=1)] = 25
    seed: Annotated[
        int | None, Field(ge=0, lt=2**32, description="a whole number, at least 0, below 4294967296")
    ] = None
    """By which users are drawn. None: by train.seed, as in runs of before there was this key."""
    seen: Literal["removed", "kept"] = "removed"
    score: Literal["sum", "mean", "catalogue"] = "sum"
    baselines: Annotated[tuple[BaselineName, ...], BeforeValidator(_split)] = BASELINES
    """ease and sasrec take minutes for many items: they are fitted where they are asked for."""
    blend: bool = False
    """Whether a run ends with weights for the model and the baselines together."""


class Settings(_Part):
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
    def _monitor_is_measured(self) -> Self:
        metric, at, k = self.train.monitor.partition("@")
        if at and int(k) != self.evaluation.k:
            raise ValueError(
                f"train.monitor is {self.train.monitor} while evaluation.k is {self.evaluation.k}: "
                f"set train.monitor={metric}@{self.evaluation.k}, or evaluation.k={k}."
            )
        return self


class DatasetRef(_Part):
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


class ModelRef(_Part):
    """The base model; `folder` is absolute."""

    id: str
    name: str
    folder: str
    sha256: str
    family: str
    model_type: str


class ParentRef(_Part):
    """The run from whose adapter a continued one starts; `sha256` is of the adapter's folder."""

    id: str
    name: str
    sha256: str


class RunSpec(_Part):
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
