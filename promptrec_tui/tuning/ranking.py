"""The rank of each user's target, by a model or by a baseline."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.baselines import Baseline
from promptrec_tui.evaluation.metrics import rank_with_ties
from promptrec_tui.runs.events import WarningEvent
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.evidence import Evidence
from promptrec_tui.tokentree.places import Place
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tokentree.selfcheck import COARSE_LIMIT, LIMIT, batched_difference, largest_difference
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.requests import CancelledError


@dataclass(frozen=True)
class Case:
    """One case: which item comes after `past`, all earlier events of a user? A prompt shows past[start:]."""

    user: str
    past: tuple[int, ...]
    start: int
    target: int

    @property
    def history(self) -> tuple[int, ...]:
        """The part that a prompt shows, before it is cut to the context."""
        return self.past[self.start :]

    def excluded(self, exclude_seen: bool) -> list[int]:
        """The items left out of the ranking: those that the user had before, but never the target."""
        return sorted(set(self.past) - {self.target}) if exclude_seen else []


def rank_users(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    exclude_seen: bool,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
    cap: int | None = None,
    margin: float = 0.0,
    evidence: Callable[[Case], Evidence] | None = None,
) -> list[Place]:
    """The rank of each case's target in the whole catalogue: `1 + better + equal/2`, inf beyond `cap`.

    Best and worst are the ranks if titles within `margin` of the target's score were all behind it, or all
    ahead of it. With `evidence` the model and what it says of a case rank together. Calls
    `progress(done, total)` at the start and after each batch of cases (one case on a CPU). Raises
    CancelledError when `cancelled()`, checked before each batch, is true, and NoMemoryError.
    """
    places: list[Place] = []
    progress(0, len(cases))
    while len(places) < len(cases):
        if cancelled():
            raise CancelledError
        # The ranker's current batch size, which shrinks after it ran out of memory.
        group = cases[len(places) : len(places) + ranker.users]
        places += ranker.places_each(
            [task.prompt(case.history).token_ids for case in group],
            [case.target for case in group],
            [case.excluded(exclude_seen) for case in group],
            cap,
            margin,
            [evidence(case) for case in group] if evidence else (),
        )
        progress(len(places), len(cases))
    return places


def scored_users(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Iterator[tuple[Case, Tensor]]:
    """The scores of all items [N] for each case, seen ones too.

    Progress and errors as in `rank_users`.
    """
    progress(0, len(cases))
    for done, case in enumerate(cases, 1):
        if cancelled():
            raise CancelledError
        yield case, ranker.scores(task.prompt(case.history).token_ids)
        progress(done, len(cases))


def rank_baseline(
    baseline: Baseline,
    cases: Sequence[Case],
    exclude_seen: bool,
    progress: Callable[[int, int], None] = lambda done, cases: None,
) -> NDArray[np.float64]:
    """The same ranks by a baseline, which uses all of a user's past: [U]. Calls `progress(done, cases)`."""
    ranks = np.empty(len(cases))
    for number, case in enumerate(cases):
        progress(number, len(cases))
        scores = baseline.scores(case.past)
        ranks[number] = rank_with_ties(scores, case.target, case.excluded(exclude_seen))
    return ranks


def check_engine(
    ranker: Ranker, prompt: Sequence[int], titles: Sequence[Sequence[int]], journal: Journal
) -> float:
    """Compare the engine with plain forwards on a few `titles` after a prompt, given as token ids.

    Returns by how much a score may be wrong, in nats: 0 in fp32, where the error is negligible. Raises
    UserError when they differ by more than rounding: otherwise metrics and gradients would be wrong without
    any error.
    """
    if len(prompt) + ranker.longest > ranker.reach:
        journal.write(
            WarningEvent(
                f"Some layers of this model see {ranker.reach:.0f} tokens only, fewer than prompts have: "
                "prompts share no computation in training, and titles are ranked in plain batches, slowly."
            )
        )
        difference = batched_difference(ranker.model, prompt, titles)
    else:
        difference = largest_difference(ranker.model, prompt, titles)
    exact = ranker.model.dtype == torch.float32
    limit = LIMIT if exact else COARSE_LIMIT
    precision = "fp32" if exact else "bf16"
    if not difference <= limit:
        apart = "not numbers (NaN)" if math.isnan(difference) else f"{difference:.2g} nats apart"
        way = (
            "Choose a model of another type, and please report this one."
            if exact
            else "Fork the run with train.precision=fp32, or choose another model."
        )
        raise UserError(
            f"In {precision} this model's scores of titles, in a token tree and one by one, are {apart}; up "
            f"to {limit:g} nats would be rounding. It cannot be trusted here. {way}"
        )
    if exact:
        return 0.0
    journal.write(
        WarningEvent(
            f"In {precision} the token tree and plain forwards differ by up to {difference:.2g} nats on "
            "three titles: the report counts the ranks that depend on less."
        )
    )
    return difference / min(map(len, titles)) if ranker.score == "mean" else difference
