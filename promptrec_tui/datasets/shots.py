"""Solved examples that a prompt may show: a few training targets, the same ones whenever they are drawn."""

import random
from typing import NamedTuple

from promptrec_tui.datasets.dataset import Dataset
from promptrec_tui.datasets.splits import leave_one_out

SHOTS = 3
SHOT_HISTORY = 5
"""Items that a shot shows of its user's history, at most."""

LOOKS = 1_000
"""At most so many users are tried for shots: where they all have too few events, there are none."""


class Shot(NamedTuple):
    """A training target of a user, as item ids; `history` is oldest first."""

    user_id: int
    history: tuple[int, ...]
    answer: int


def draw_shots(dataset: Dataset, tie_rule: str, seed: int = 1) -> list[Shot]:
    """One training target each of up to `SHOTS` users, of a tenth of the users at most.

    A pure function of the dataset file, the tie rule and the seed. No shot holds a validation or test target.
    """
    lots = random.Random(seed)
    users = dataset.counts.users
    shots: list[Shot] = []
    for user_id in lots.sample(range(users), min(users, LOOKS)):
        if len(shots) == min(SHOTS, users // 10):
            break
        sequence = dataset.sequence(user_id, tie_rule)
        if (split := leave_one_out(sequence)) and split.training:
            position = lots.choice(split.training)
            history = tuple(sequence[max(0, position - SHOT_HISTORY) : position])
            shots.append(Shot(user_id, history, sequence[position]))
    return shots
