"""A blend of scorers: the weights of the model and of other evidence, fitted on validation users.

score = trust(history) · log P(title | prompt) + Σ weight · feature(user, item). The weights explain by a
conditional logit what the users chose; which scorers the blend has is decided on users that its weights have
not seen, so that it leaves out what does not help, the model too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.evaluation.logit import Choice, Stack, fit_logit, stacked

Floats = NDArray[np.float64]

MODEL = ("model_short", "model_long")
"""The features of the model: log P times how short the history is, and times how long."""
HALF = 10
"""Events of a history that is half short and half long."""
FOLDS = 5
PENALTIES = (0.3, 3.0, 30.0)


@dataclass(frozen=True)
class Blend:
    """The weights of a blend, by feature, and how they were chosen.

    `shares`: each feature's share of the decision, |weight| · spread over the sum of them, where the spread
    is the standard deviation of the feature among the candidates of a user. `held_out`: log P of the choice
    of a user that the fit did not see, the mean over users, by scorer and for the mixtures. `chosen`: the one
    that has given the weights. `l2`: the ridge penalty of the fit.
    """

    weights: Mapping[str, float]
    shares: Mapping[str, float]
    held_out: Mapping[str, float]
    chosen: str
    l2: float
    users: int

    def trust(self, events: int) -> float:
        """The weight of log P after a history of so many events; at least 0."""
        parts = zip(MODEL, _parts(events), strict=True)
        return float(sum(self.weights.get(name, 0.0) * part for name, part in parts))

    def bonus(self, features: Mapping[str, Floats], n_items: int) -> Floats:
        """The part of each item's score that is not the model's: [N]."""
        bonus = np.zeros(n_items)
        for name, weight in self.weights.items():
            if name not in MODEL and weight:
                bonus += weight * features[name]
        return bonus

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, keys as the field names."""
        return asdict(self)


def model_features(logs: Floats, events: int) -> dict[str, Floats]:
    """The features of the model for items with these log P, after a history of so many events."""
    return {name: part * logs for name, part in zip(MODEL, _parts(events), strict=True)}


def fit_blends(names: Sequence[str], choices: Sequence[Choice]) -> tuple[Blend, Blend]:
    """The best blend, and the best without the model, of the features `names` [F].

    `choices`: one for each validation user, at least two for each of `FOLDS` folds. Candidates are each
    scorer alone, all but the model, and all; with each penalty the log-likelihood of held-out users decides.
    The model must be better than the best without it by more than the standard error of the difference, and
    must not put the chosen items lower.
    """
    stack = stacked(choices)
    own = [column for column, name in enumerate(names) if name in MODEL]
    others = [column for column, name in enumerate(names) if name not in MODEL]
    without = {names[column]: [column] for column in others}
    if len(others) > 1:
        without["mixture"] = others
    sets = without | ({"model": own, "blend": own + others} if own else {})
    held_out = {
        name: _held_out(stack.only(columns), _signs(names, columns)) for name, columns in sets.items()
    }
    values = {name: float(logs.mean()) for name, (_, logs, _) in held_out.items()}

    def made(chosen: str) -> Blend:
        l2, columns = held_out[chosen][0], sets[chosen]
        weights = fit_logit(stack.only(columns), l2, _signs(names, columns))
        given = dict(zip((names[column] for column in columns), weights.tolist(), strict=True))
        shares = _shares(weights, stack.only(columns).spreads())
        return Blend(given, dict(zip(given, shares, strict=True)), values, chosen, l2, len(choices))

    mixture, best = max(without, key=lambda name: values[name]), max(sets, key=lambda name: values[name])
    gains = held_out[best][1] - held_out[mixture][1]
    sure = gains.mean() > gains.std() / np.sqrt(len(gains)) and (
        held_out[best][2].mean() >= held_out[mixture][2].mean()
    )
    return made(best if sure else mixture), made(mixture)


def _held_out(stack: Stack, signs: Sequence[bool]) -> tuple[float, Floats, Floats]:
    """The best penalty, and under it the log-likelihoods and `discounts` of held-out users [U] both.

    Each user is held out once.
    """
    users = np.arange(len(stack.starts))
    parts = [
        (stack.users(users % FOLDS != fold), stack.users(users % FOLDS == fold)) for fold in range(FOLDS)
    ]
    tried = []
    for l2 in PENALTIES:
        fits = [(held, fit_logit(fitted, l2, signs)) for fitted, held in parts]
        logs = np.concatenate([held.log_likelihoods(weights) for held, weights in fits])
        discounts = np.concatenate([held.discounts(weights) for held, weights in fits])
        tried.append((l2, logs, discounts))
    return max(tried, key=lambda each: float(each[1].mean()))


def _signs(names: Sequence[str], columns: Sequence[int]) -> list[bool]:
    """Which weights must be at least 0: the model's, or else a longer beginning could be the better one."""
    return [names[column] in MODEL for column in columns]


def _shares(weights: Floats, spreads: Floats) -> list[float]:
    parts = np.abs(weights) * spreads
    total = parts.sum()
    return [float(part / total) if total > 0 else 0.0 for part in parts]


def _parts(events: int) -> tuple[float, float]:
    """How short and how long a history is; they add up to 1."""
    long = events / (events + HALF)
    return 1 - long, long
