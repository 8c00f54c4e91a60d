"""Settings that a run begins with, by (task, family, method) and size of the model."""

import math
from typing import Any

from promptrec_tui.errors import UserError

SCALES: dict[tuple[str, str, str], tuple[tuple[float, dict[str, Any]], ...]] = {
    ("next_item", "causal", "lora"): (
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
}


def default_settings(task: str, family: str, method: str, parameters: int) -> dict[str, Any]:
    """Settings (dotted key -> value) for tuning a model of `parameters` weights; others keep their default.

    Raises UserError for a combination that cannot be run.
    """
    scales = SCALES.get((task, family, method))
    if scales is None:
        known = "; ".join(" / ".join(combination) for combination in SCALES)
        raise UserError(
            f"The task {task!r}, with a model of the family {family!r} and the method {method!r}, "
            f"cannot be trained yet: task / family / method can be {known}."
        )
    return dict(next(settings for below, settings in scales if parameters < below))
