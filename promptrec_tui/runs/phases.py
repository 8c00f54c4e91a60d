"""The phases of a run, in the order in which people see them: what its trainer does, each with a title."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """One phase. `id` and `kind` are the `part` and the `phase` of its events; several have one kind.

    `like`: the id of an earlier phase that takes about as long.
    """

    id: str
    kind: str
    title: str
    like: str = ""


LIBRARIES = Phase("libraries", "loading", "start torch and transformers")
DATASET = Phase("dataset", "loading", "read the dataset")
MODEL = Phase("model", "loading", "load the model")
CHECK = Phase("check", "checking", "compare fast and plain forwards")
FIRST_STEP = Phase("first_step", "first step", "first step")
BASELINES = Phase("baselines", "baselines", "baselines on validation")
UNTUNED_PREVIEWS = Phase("untuned_previews", "previews", "previews of the untuned model")
TRAINING = Phase("training", "training", "training")
VALIDATION = Phase("validation", "validating", "validation")
PREVIEWS = Phase("previews", "previews", "previews in training")
TEST_BASELINES = Phase("test_baselines", "baselines", "baselines on test", like="baselines")
UNTUNED_VALIDATION = Phase(
    "untuned_validation", "validating", "untuned model on validation", like="validation"
)
UNTUNED_TEST = Phase("untuned_test", "testing", "untuned model on test")
OTHER_SCORE = Phase("other_score", "testing", "untuned model, other score")
TEMPERATURE = Phase("temperature", "validating", "temperature of probabilities")
TUNED_TEST = Phase("tuned_test", "testing", "tuned model on test", like="untuned_test")
TUNED_PREVIEWS = Phase("tuned_previews", "previews", "previews of the tuned model", like="previews")
BLEND = Phase("blend", "blending", "blend with the baselines")
RESULT = Phase("result", "finishing", "intervals and result")

ORDER = (
    *(LIBRARIES, DATASET, MODEL, CHECK, FIRST_STEP, BASELINES, UNTUNED_PREVIEWS),
    *(TRAINING, VALIDATION, PREVIEWS),
    *(TEST_BASELINES, UNTUNED_VALIDATION, UNTUNED_TEST, OTHER_SCORE, TEMPERATURE),
    *(TUNED_TEST, TUNED_PREVIEWS, BLEND, RESULT),
)
IN_TRAINING = (TRAINING, VALIDATION, PREVIEWS)
"""Those that take turns until the last step."""

PHASES: Mapping[str, Phase] = {phase.id: phase for phase in ORDER}
"""By id, in order."""

EVALUATIONS = 8
"""Validations of a run whose settings do not say how often."""


def steps_between_validations(eval_every: int, total_steps: int) -> int:
    """How many steps after one validation the next one comes, by the setting `train.eval_every`."""
    return eval_every or math.ceil(total_steps / EVALUATIONS)
