"""Settings that a run begins with, by (task, family, method) and size of the model."""

import math
from typing import Any

from promptrec_tui.errors import UserError

LABELS = {
    "train.monitor": "macro_f1",
    "train.batch_size": 32,
    "evaluation.users": 1000,
    "evaluation.monitor_users": 200,
}
"""Of every classifier: texts are many, and each is asked fast."""

SCALES: dict[tuple[str, str], tuple[tuple[float, dict[str, Any]], ...]] = {
    ("next_item", "causal"): (
        # Parameters below this, settings. A small model has all to learn and takes large steps; a large one
        # knows the titles already, and its activations need the memory.
        (20e6, {"train.learning_rate": 3e-3}),
        (100e6, {"train.learning_rate": 1e-3}),
        (1e9, {"train.learning_rate": 2e-4, "train.batch_size": 64}),
        (
            math.inf,
            {
                "train.learning_rate": 1e-4,
                "train.batch_size": 32,
                "train.epochs": 2,
                "train.gradient_checkpointing": True,
                "tuning.rank": 32,
                "tuning.alpha": 64,
            },
        ),
    ),
    ("classify", "encoder"): ((math.inf, {**LABELS, "train.learning_rate": 1e-3}),),
    ("classify", "causal"): (
        (100e6, {**LABELS, "train.learning_rate": 1e-3}),
        (math.inf, {**LABELS, "train.learning_rate": 2e-4}),
    ),
}
"""By task and family, for LoRA."""

WHOLE = {"full", "last_layers"}
"""Methods that train the weights of the base model themselves: they take a tenth of LoRA's learning rate
(Schulman et al.: LoRA without regret, 2025) and fp32, since bf16 rounds steps so small away."""


MONITORS = {
    "next_item": ("ndcg", "hr", "mrr"),
    "classify": ("accuracy", "macro_f1", "logloss", "ece"),
}
"""Metrics that a run can watch beside its validation loss, by task and without their @K."""


LEADING = {"next_item": ("ndcg@{k}", "hr@{k}"), "classify": ("macro_f1", "accuracy")}
CASES = {"classify": "text"}


def leading_metrics(task: str, k: int) -> tuple[str, str]:
    """The metric that stands for a run of the task in lists, and the one that is shown beside it."""
    first, second = LEADING.get(task, LEADING["next_item"])
    return first.format(k=k), second.format(k=k)


def case_noun(task: str) -> str:
    """What a case of the task is called: a figure is of so many of them."""
    return CASES.get(task, "user")


def check_monitor(task: str, monitor: str) -> None:
    """Raise UserError for a `train.monitor` that the task does not measure."""
    known = ("validation_loss", *MONITORS.get(task, ()))
    if monitor.partition("@")[0] not in known:
        raise UserError(
            f"train.monitor={monitor} is not measured by the task {task}: choose among {', '.join(known)}."
        )


def default_settings(task: str, family: str, method: str, parameters: int) -> dict[str, Any]:
    """Settings (dotted key -> value) for tuning a model of `parameters` weights; others keep their default.

    Raises UserError for a combination that cannot be run.
    """
    scales = SCALES.get((task, family))
    if scales is None:
        known = "; ".join(" / ".join(combination) for combination in SCALES)
        raise UserError(
            f"The task {task!r}, with a model of the family {family!r}, cannot be trained yet: "
            f"task / family can be {known}."
        )
    settings = dict(next(settings for below, settings in scales if parameters < below))
    if method != "lora":
        settings = {key: value for key, value in settings.items() if not key.startswith("tuning.")}
    if method in WHOLE:
        settings["train.learning_rate"] = float(f"{settings['train.learning_rate'] / 10:.3g}")
        settings["train.precision"] = "fp32"
    return settings
