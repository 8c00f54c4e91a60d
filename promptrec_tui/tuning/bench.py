"""The judge of a run: its protocol, applied to models and baselines alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.evaluation.baselines import fit_baseline
from promptrec_tui.evaluation.metrics import ranking_metrics
from promptrec_tui.evaluation.protocol import Protocol
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.places import Place
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning.desk import Desk
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.material import UserEvents, case_at
from promptrec_tui.tuning.ranking import Case, rank_baseline, rank_users

Ranks = NDArray[np.float64]


@dataclass
class Figures:
    """The rank of each test user's target, by whoever has ranked it so far; `missing`: why not by all."""

    baselines: dict[str, Ranks]
    before: list[Place] | None = None
    after: list[Place] | None = None
    missing: str = ""


@dataclass(frozen=True)
class Bench:
    """Whatever judges a ranker by the run's protocol."""

    spec: RunSpec
    task: NextItem
    users: Sequence[UserEvents]
    exclude_seen: bool
    n_items: int
    journal: Journal
    desk: Desk
    precision: str = ""
    """Of the model's weights and activations: fp32 or bf16."""
    noise: float = 0.0
    """Nats that a score may be off in that precision."""

    def cases(self, users: Sequence[UserEvents], stage: str) -> list[Case]:
        """The question that each user's target of the stage ("validation" or "test") asks."""
        return [case_at(user, self.target(user, stage), self.spec.settings.data) for user in users]

    def target(self, user: UserEvents, stage: str) -> int:
        """Position of the user's target of a stage; the end of the sequence for users without a split."""
        if user.split is None:
            return len(user.sequence)
        return user.split.validation if stage == "validation" else user.split.test

    def baselines(self, cases: Sequence[Case], stage: str) -> dict[str, Ranks]:
        """The ranks by each baseline, fitted on what all users did before their targets of the stage."""
        before = [user.sequence[: self.target(user, stage)] for user in self.users]
        ranks: dict[str, Ranks] = {}
        for name in self.spec.settings.evaluation.baselines:
            message = f"Fitting {name} for the {stage} targets"
            self.journal.phase("baselines", message=message)
            progress = partial(self.journal.phase, "baselines", message=message)
            baseline = fit_baseline(name, before, self.n_items, progress)
            ranks[name] = rank_baseline(baseline, cases, self.exclude_seen)
        return ranks

    def rank(self, ranker: Ranker, cases: Sequence[Case], tell: Callable[[int, int], None]) -> list[Place]:
        """The ranks that the model gives. Raises CancelledError and NoMemoryError."""
        # Of two scores each may be off by the noise, one up and the other down.
        margin = 2 * self.noise
        return rank_users(
            ranker, self.task, cases, self.exclude_seen, tell, self.desk.cancelled, margin=margin
        )

    def tell(self, stage: str, name: str, step: int, ranks: Ranks) -> None:
        """Write an evaluation event."""
        self.journal.write(
            "evaluation",
            stage=stage,
            name=name,
            step=step,
            users=len(ranks),
            metrics=ranking_metrics(ranks, self.spec.settings.evaluation.k),
            protocol=self.protocol(stage, len(ranks)).to_json(),
        )

    def protocol(self, stage: str, users: int) -> Protocol:
        """What the numbers of a stage mean."""
        data, evaluation = self.spec.settings.data, self.spec.settings.evaluation
        return Protocol(
            split=data.split,
            tie_rule=data.tie_rule,
            catalogue=self.n_items,
            seen=evaluation.seen,
            score=evaluation.score,
            k=evaluation.k,
            cap=None,
            users=users,
            max_history=data.max_history,
            stage=stage,
            dataset=self.spec.dataset.sha256,
            window=data.window,
            precision=self.precision,
            seed=self.spec.settings.train.seed if evaluation.seed is None else evaluation.seed,
        )
