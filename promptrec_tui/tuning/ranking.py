"""The rank of each user's target, by a model or by a baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.baselines import Baseline
from promptrec_tui.evaluation.metrics import rank_with_ties
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.selfcheck import LIMIT, largest_difference
from promptrec_tui.tuning.desk import CancelledError
from promptrec_tui.tuning.journal import Journal


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
    cap: int | None = None,
) -> NDArray[np.float64]:
    """The rank of each case's target in the whole catalogue, `1 + better + equal/2`: [U]; inf beyond `cap`.

    Calls `progress(done, total)` at the start and after each, or after as many as a GPU takes at once. Raises
    CancelledError when `cancelled()`, asked before them, holds.
    """
    ranks = np.full(len(cases), np.nan)
    progress(0, len(cases))
    for first in range(0, len(cases), ranker.users):
        if cancelled():
            raise CancelledError
        group = cases[first : first + ranker.users]
        ranks[first : first + len(group)] = ranker.rank_each(
            [task.prompt(case.history).token_ids for case in group],
            [case.target for case in group],
            [case.excluded(exclude_seen) for case in group],
            cap,
        )
        progress(first + len(group), len(cases))
    return ranks


def rank_baseline(baseline: Baseline, cases: Sequence[Case], exclude_seen: bool) -> NDArray[np.float64]:
    """The same for a baseline, which knows all of a user's past: [U]."""
    return np.array(
        [
            rank_with_ties(baseline.scores(case.past), case.target, case.excluded(exclude_seen))
            for case in cases
        ]
    )


def check_engine(ranker: Ranker, cases: Sequence[Case], task: NextItem, journal: Journal) -> None:
    """Compare the token tree with plain forwards on three titles after a user's prompt.

    Raises UserError when they differ in fp32: figures and gradients would be wrong without a word.
    """
    prompt = task.prompt(cases[0].history).token_ids
    if len(prompt) + ranker.longest > ranker.reach:
        journal.write(
            "warning",
            message=f"Some layers of this model see {ranker.reach:.0f} tokens only, fewer than prompts have: "
            "prompts share no computation in training, and titles are ranked in plain batches, slowly.",
        )
        return
    difference = largest_difference(ranker.model, prompt, task.catalogue[:3])
    exact = ranker.model.dtype == torch.float32
    if exact and not difference <= LIMIT:
        raise UserError(
            f"This model scores titles in a token tree and one by one {difference:.2g} nats apart, more than "
            f"{LIMIT}: it cannot be trusted here. Choose a model of another type, and please report this one."
        )
    if not exact:
        journal.write(
            "warning",
            message=f"In {ranker.model.dtype} the token tree and plain forwards differ by up to "
            f"{difference:.2g} nats on three titles: ranks closer than that are noise.",
        )
