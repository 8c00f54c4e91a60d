"""How long a run's training still takes, from its own speed."""

import math
from collections.abc import Sequence
from statistics import median

RECENT = 20
"""Steps whose speed counts: a run beside others gets slower, and faster again."""


def seconds_left(
    step: int, total_steps: int | None, batch_size: int, speeds: Sequence[float | None]
) -> float | None:
    """Seconds of the steps that are left; None before two steps, and without a number of steps.

    `speeds`: targets a second, in the last `RECENT` steps. Validation, previews and the test are not in it.
    """
    known = [speed for speed in speeds if speed and math.isfinite(speed) and speed > 0]
    if total_steps is None or len(known) < 2:
        return None
    return max(0, total_steps - step) * batch_size / median(known)
