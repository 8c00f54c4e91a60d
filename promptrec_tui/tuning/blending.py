"""A run's blend: what the scorers say of a case, the choices to fit on, the ranks of the test."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from promptrec_tui.evaluation.baselines import Baseline, fit_baseline
from promptrec_tui.evaluation.blend import MODEL, Blend, Floats, model_features
from promptrec_tui.evaluation.features import scorer_feature, top_items
from promptrec_tui.evaluation.histories import Matrix, Sequences
from promptrec_tui.evaluation.logit import Choice
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.runs.events import PreviewUser
from promptrec_tui.tasks.next_item import NextItem
from promptrec_tui.tokentree.evidence import Evidence
from promptrec_tui.tokentree.places import NotANumberError, top_of
from promptrec_tui.tokentree.ranker import Ranker
from promptrec_tui.tuning.ranking import Case, rank_users
from promptrec_tui.tuning.requests import CancelledError
from promptrec_tui.tuning.sasrec import fit_sasrec

LISTED = 50
"""Candidates that each scorer names."""
SAMPLED = 100
"""Other items that stand for the rest of the catalogue."""
SWEPT = 2_000
"""Inner nodes of a trie that is read whole: a search, and then the candidates, would take longer."""
FEWEST = 20
"""Cases that a fit needs."""


Says = Callable[[Case], Evidence]
"""What a blend says of all items in a case."""


@dataclass(frozen=True)
class Blended:
    """A fitted blend, the best one without the model, the test ranks of both, and previews by the blend."""

    blend: Blend
    mixture: Blend
    ranks: Predictions
    mixture_ranks: Predictions
    previews: tuple[PreviewUser, ...]


@dataclass(frozen=True)
class Witnesses:
    """The scorers beside the model, fitted for one stage, and `columns` of numbers of all `n_items` items."""

    baselines: Sequence[Baseline]
    columns: Mapping[str, Floats]
    n_items: int

    @property
    def names(self) -> list[str]:
        """The names of all features."""
        return [baseline.name for baseline in self.baselines] + list(self.columns)

    def features(self, past: Sequence[int], wanted: Container[str]) -> dict[str, Floats]:
        """What they say of all items after the events of `past`: [N] for each feature that is `wanted`."""
        made = {
            baseline.name: scorer_feature(baseline.name, baseline.scores(past))
            for baseline in self.baselines
            if baseline.name in wanted
        }
        return made | {name: values for name, values in self.columns.items() if name in wanted}

    def by(self, blend: Blend) -> Says:
        """What a blend says of all items after the events of a case."""
        return lambda case: self.evidence(blend, case.past)

    def evidence(self, blend: Blend, past: Sequence[int]) -> Evidence:
        """What a blend says of all items after the events of `past`."""
        wanted = {name for name, weight in blend.weights.items() if weight}
        return Evidence(blend.trust(len(past)), blend.bonus(self.features(past, wanted), self.n_items))


def fit_witnesses(
    names: Sequence[str],
    sequences: Sequences,
    n_items: int,
    seed: int,
    columns: Mapping[str, Floats],
) -> Witnesses:
    """The scorers of these names, fitted on `sequences` outside a run; sasrec takes minutes."""
    shared: dict[str, Matrix] = {}
    fitted = [
        fit_sasrec(sequences, n_items, seed).baseline
        if name == "sasrec"
        else fit_baseline(name, sequences, n_items, shared=shared)
        for name in names
    ]
    return Witnesses(fitted, columns, n_items)


def user_choices(
    ranker: Ranker,
    task: NextItem,
    witnesses: Witnesses,
    cases: Sequence[Case],
    exclude_seen: bool,
    seed: int,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> tuple[list[str], list[Choice]]:
    """The names of the features, the model's first, and what each case's user has chosen.

    Candidates are the best items by each scorer and by the model, and a sample of all others. The model's
    scores of them are exact. Raises CancelledError, NoMemoryError, and NotANumberError for a broken model.
    """
    names = [*MODEL, *witnesses.names]
    chance = np.random.default_rng(seed)
    choices: list[Choice] = []
    for done, case in enumerate(cases):
        progress(done, len(cases))
        if cancelled():
            raise CancelledError
        excluded = case.excluded(exclude_seen)
        prompt = task.prompt(case.history).token_ids
        evidence = witnesses.features(case.past, names)
        scored = [evidence[baseline.name] for baseline in witnesses.baselines]
        listed = {*top_items(scored, LISTED, excluded).tolist()}
        if small := ranker.trie.inner <= SWEPT:
            scores = ranker.scores(prompt, excluded)
            if scores.isnan().any():
                raise NotANumberError
            listed.update(item for item, _ in top_of(scores, LISTED))
        else:
            listed.update(item for item, _ in ranker.top_k(prompt, LISTED, excluded))
        items, offsets = _candidates(listed, case.target, excluded, len(task.catalogue), chance)
        if not small:
            others = np.delete(np.arange(len(task.catalogue)), items)
            scores = ranker.scores(prompt, others.tolist())
        logs = scores.numpy()[items].astype(np.float64)
        features = model_features(logs, len(case.past))
        features |= {name: values[items] for name, values in evidence.items()}
        choices.append(Choice(np.stack([features[name] for name in names], axis=1), 0, offsets))
    progress(len(cases), len(cases))
    return names, choices


def _candidates(
    listed: set[int], target: int, excluded: Sequence[int], n_items: int, chance: np.random.Generator
) -> tuple[list[int], Floats]:
    """The target, the items that are listed, and a sample of the rest; log of how many each stands for."""
    named = sorted(listed - {target})
    rest = np.delete(np.arange(n_items), [target, *named, *excluded])
    sample = chance.choice(rest, min(SAMPLED, len(rest)), replace=False)
    weight = np.log(len(rest) / len(sample)) if len(sample) else 0.0
    offsets = np.append(np.zeros(1 + len(named)), np.full(len(sample), weight))
    return [target, *named, *sample.tolist()], offsets


def blend_ranks(
    ranker: Ranker,
    task: NextItem,
    cases: Sequence[Case],
    exclude_seen: bool,
    blend: Blend,
    *,
    witnesses: Witnesses,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Predictions:
    """The rank of each case's target by a blend. Errors as in `rank_users`."""
    places = rank_users(
        ranker,
        task,
        cases,
        exclude_seen,
        progress,
        cancelled,
        evidence=witnesses.by(blend),
    )
    return ranked(tuple(case.user for case in cases), [place.rank for place in places])
