"""The rank of each user's target, by a model or by a baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.evaluation.baselines import Baseline
from promptrec_tui.evaluation.metrics import rank_with_ties
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning.desk import CancelledError


@dataclass(frozen=True)
class Case:
    """A question: which item comes after `past`, all a user's earlier events? A prompt shows past[start:]."""

    user: str
    past: tuple[int, ...]
    start: int
    target: int

    @property
    def history(self) -> tuple[int, ...]:
        """What a prompt shows, as far as it fits."""
        return self.past[self.start :]

    def excluded(self, exclude_seen: bool) -> list[int]:
        """The items left out of the ranking: those the user had before, the target never."""
        return sorted(set(self.past) - {self.target}) if exclude_seen else []


def rank_users(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    exclude_seen: bool,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> NDArray[np.float64]:
    """The rank of each case's target in the whole catalogue, `1 + better + equal/2`: [U].

    Calls `progress(done, total)` after each. Raises CancelledError when `cancelled()`, asked before each,
    holds.
    """
    ranks = np.full(len(cases), np.nan)
    for index, case in enumerate(cases):
        if cancelled():
            raise CancelledError
        prompt = task.prompt(case.history).token_ids
        ranks[index] = ranker.rank_of(prompt, case.target, case.excluded(exclude_seen))
        progress(index + 1, len(cases))
    return ranks


def rank_baseline(baseline: Baseline, cases: Sequence[Case], exclude_seen: bool) -> NDArray[np.float64]:
    """The same for a baseline, which knows all of a user's past: [U]."""
    return np.array(
        [
            rank_with_ties(baseline.scores(case.past), case.target, case.excluded(exclude_seen))
            for case in cases
        ]
    )
