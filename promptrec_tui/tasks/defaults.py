"""What differs between tasks, and the settings that a run begins with, by task, family, method and size."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from promptrec_tui.errors import UserError

LABELS = {
    "train.monitor": "macro_f1",
    "train.batch_size": 32,
    "evaluation.users": 1000,
    "evaluation.monitor_users": 200,
}
"""Settings of every classifier: there are many texts, and each takes one short forward."""

TITLES = {"evaluation.score": "catalogue"}
"""Settings of every recommender: this score ranks as well as "sum" in a fraction of the time, and is a
probability (docs/method.md has the figures)."""

SMALL = 20e6
"""Parameters below which all weights of a recommender are trained at LoRA's own rate, which ranked best in
the sweep of docs/method.md."""

SCALES: dict[tuple[str, str], tuple[tuple[float, dict[str, Any]], ...]] = {
    ("next_item", "causal"): (
        # Parameters below this, settings. A small model has all to learn and takes large steps; a large one
        # knows the titles already, and its activations need the memory.
        (SMALL, {**TITLES, "train.learning_rate": 3e-3}),
        (100e6, {**TITLES, "train.learning_rate": 1e-3}),
        (1e9, {**TITLES, "train.learning_rate": 2e-4, "train.batch_size": 64}),
        (
            math.inf,
            {
                **TITLES,
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

WHOLE = {"full", "last_layers", "head"}
"""Methods that train the weights of the base model themselves: they take fp32, since bf16 rounds their small
steps away."""

RATES = {
    "vera": 10.0,
    "ia3": 3.0,
    "prompt_tuning": 10.0,
    "prefix_tuning": 10.0,
    "last_layers": 0.1,
    "full": 0.1,
}
"""Learning rates in those of LoRA, which other methods take as they are: Kopiczko et al. 2024 (VeRA), Liu et
al. 2022 ((IA)³), Lester et al. 2021 (prompt tuning), Schulman et al. 2025 (all weights)."""


@dataclass(frozen=True)
class TaskFacts:
    """The words and settings that differ between tasks, for forms, lists, cards and commands."""

    case: str
    """The noun of a case, the unit of every count of cases. "user" or "text" also decides how rows are read
    and which requests a scorer accepts."""
    made: str
    """The word for the tuned model in its card."""
    field: str
    """The field of application, a tag of the card."""
    pipeline: str
    """The tag by which the Hugging Face hub knows such models."""
    monitors: tuple[str, ...]
    """Metrics that a run can watch beside its validation loss; @K stands for the cut-off."""
    leading: tuple[str, str]
    """The metric that stands for a run in lists, and the one that is shown beside it."""
    unused: tuple[str, ...] = ()
    """Settings that it does not use: a whole section such as "data.", or a key."""


FACTS: Mapping[str, TaskFacts] = {
    "next_item": TaskFacts(
        case="user",
        made="recommender",
        field="recommendation",
        pipeline="text-generation",
        monitors=("ndcg@K", "hr@K", "mrr@K", "mrr"),
        leading=("ndcg@K", "hr@K"),
        unused=("train.class_weights",),
    ),
    "classify": TaskFacts(
        case="text",
        made="classifier",
        field="classification",
        pipeline="text-classification",
        monitors=("accuracy", "macro_f1", "logloss", "ece"),
        leading=("macro_f1", "accuracy"),
        unused=("data.", "evaluation.k", "evaluation.seen", "evaluation.baselines", "evaluation.blend"),
    ),
}
"""By task; the first one is the default."""

UNUSED: Mapping[tuple[str, str], tuple[str, ...]] = {
    # Labels weigh on a head; a model that writes them is trained token by token.
    ("classify", "causal"): ("train.class_weights",),
    # The head of an encoder has one logit for each label: the loss is their cross-entropy, and there are no
    # tokens of an answer to make a score of.
    ("classify", "encoder"): ("train.loss", "train.temperature", "evaluation.score"),
}
"""Settings that a task does not use with a family of models, beside those that it never uses."""


def facts_of(task: str) -> TaskFacts:
    """The facts of a task; of one that this version does not know, those of the first."""
    return FACTS.get(task, FACTS["next_item"])


def leading_metrics(task: str, k: int) -> tuple[str, str]:
    """The metric that stands for a run of the task in lists, and the one that is shown beside it."""
    first, second = facts_of(task).leading
    return first.replace("@K", f"@{k}"), second.replace("@K", f"@{k}")


def case_noun(task: str) -> str:
    """The noun of a case of the task, such as user or text."""
    return facts_of(task).case


def uses(task: str, key: str, family: str = "") -> bool:
    """Whether a run of the task uses the setting, with a base model of `family` or, without one, of any."""
    unused = (*facts_of(task).unused, *UNUSED.get((task, family), ()))
    return not any(key == one or (one.endswith(".") and key.startswith(one)) for one in unused)


def check_settings(task: str, family: str, given: Iterable[str]) -> None:
    """Raise UserError when a setting that a person has `given` means nothing for the task and the family."""
    for key in given:
        if not uses(task, key):
            owners = " or ".join(other for other in FACTS if uses(other, key))
            raise UserError(f"{key} is a setting of the task {owners}; {task} does not use it: leave it out.")
        if not uses(task, key, family):
            owners = " or ".join(other for each, other in SCALES if each == task and uses(task, key, other))
            raise UserError(
                f"{key} is a setting of the task {task} with a model of the family {owners}; with one of the "
                f"family {family} it is not used: leave it out."
            )


def check_method(task: str, family: str, method: str) -> None:
    """Raise UserError for a tuning method that has nothing to train in a model of the family for the task."""
    if method == "head" and family != "encoder":
        raise UserError(
            f"tuning.method=head trains the head of an encoder that classifies; the task {task} with a "
            f"model of the family {family} has none: set tuning.method=last_layers with tuning.layers=1."
        )


def check_monitor(task: str, monitor: str) -> None:
    """Raise UserError for a `train.monitor` that the task does not measure."""
    known = ("validation_loss", *facts_of(task).monitors)
    if re.sub(r"@\d+$", "@K", monitor) not in known:
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
    if method not in ("lora", "dora"):
        settings = {key: value for key, value in settings.items() if not key.startswith("tuning.")}
    if not (method == "full" and task == "next_item" and parameters < SMALL):
        rate = settings["train.learning_rate"] * RATES.get(method, 1.0)
        settings["train.learning_rate"] = float(f"{rate:.3g}")
    if method in WHOLE:
        settings["train.precision"] = "fp32"
    return settings
