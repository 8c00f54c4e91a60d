"""The process that tries templates: `python -m promptrec_tui.tuning.template_search`, JSON lines in and out.

The request is one JSON line `{"dataset", "model", "adapter", "templates", "users", "words", "data",
"evaluation"}`: paths, templates as their fields, the settings of a run, and whether the effect of the best
template's words is measured. The response is lines `{"done", "total", "name"}` and, last, `{"trials",
"users", "words", "protocol"}` or `{"error"}`. All metrics are of validation targets: a template that was
chosen by them can still be evaluated on the test targets.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptrec_tui.datasets.dataset import Item, open_dataset
from promptrec_tui.datasets.shots import draw_shots
from promptrec_tui.errors import UserError
from promptrec_tui.evaluation.halving import rounds
from promptrec_tui.evaluation.metrics import measured, ranking_metrics
from promptrec_tui.evaluation.protocol import Protocol, sample_users
from promptrec_tui.home import find_home
from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.prompts.variants import without, words
from promptrec_tui.runs.spec import DataSettings, EvaluationSettings, RunSettings
from promptrec_tui.tasks.next_item import next_item
from promptrec_tui.tuning.answer_lines import Say, answer_lines
from promptrec_tui.tuning.gpu_lease import borrow

Tell = Callable[[str], None]
"""Called with the name of a template after each target that it has ranked."""

WORD_SHARE = 4
"""Each word is measured on one in this many users (at least eight users), because there are many words."""


@dataclass
class Trial:
    """A template and the rank of each user's target under it so far; `error`: why it cannot be used."""

    template: Template
    ranks: list[float] = field(default_factory=list)
    error: str = ""

    def cost(self, users: int) -> float:
        """Mean of log2 rank over the first users, which no single user dominates; inf for a failed trial."""
        return float(np.log2(self.ranks[:users]).mean()) if self.ranks else float("inf")


class Judge:
    """A loaded model and its cases: the validation target of each sampled user."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        """Raises UserError when model, adapter or dataset are missing or unfit."""
        device_setting, self.slot = borrow(find_home(), RunSettings())
        # Imported here, because torch reads environment variables that `borrow` sets.
        from promptrec_tui.models.loading import choose_device, choose_dtype, load_base
        from promptrec_tui.models.methods import load_tuned
        from promptrec_tui.tuning.data import case_at, read_users

        self.data = DataSettings.model_validate(request["data"])
        self.evaluation = EvaluationSettings.model_validate(request["evaluation"])
        folder = Path(request["model"])
        self.tokenizer: TextTokenizer = load_tokenizer(folder)
        with open_dataset(Path(request["dataset"])) as dataset:
            self.items: list[Item] = dataset.items()
            self.shots = draw_shots(dataset, self.data.tie_rule)
            users = {user.key: user for user in read_users(dataset, self.data) if user.split}
        chosen = sample_users(users, int(request["users"]), 0)
        if not chosen:
            raise UserError("No user of this dataset has the three events that a validation target needs.")
        self.cases = [
            case_at(user, user.split.validation, self.data)
            for user in (users[key] for key in chosen)
            if user.split
        ]
        device = choose_device(device_setting)
        self.model: Any = load_base(folder, device, choose_dtype("auto", device))
        if request["adapter"]:
            self.model = load_tuned(self.model, Path(request["adapter"])).model

    def protocol(self) -> Protocol:
        """The conditions under which the metrics are comparable."""
        return Protocol(
            split=self.data.split,
            tie_rule=self.data.tie_rule,
            catalogue=len(self.items),
            seen=self.evaluation.seen,
            score=self.evaluation.score,
            k=self.evaluation.k,
            cap=None,
            users=len(self.cases),
            max_history=self.data.max_history,
            stage="validation",
        )

    def rank(self, trial: Trial, users: int, tell: Tell) -> None:
        """Rank the targets of the first `users` under a template, except those ranked before."""
        from promptrec_tui.tokentree.ranker import Ranker

        cases = self.cases[len(trial.ranks) : users]
        if trial.error or not cases:
            return
        fields = [item.texts for item in self.items]
        try:
            task = next_item(trial.template, self.tokenizer, fields, self.tokenizer.context, self.shots)
            ranker = Ranker(self.model, task.catalogue, self.evaluation.score)
            for case in cases:
                prompt = task.prompt(case.history).token_ids
                left_out = case.excluded(self.evaluation.seen == "removed")
                trial.ranks.append(ranker.rank_of(prompt, case.target, left_out))
                tell(trial.template.name)
        except UserError as error:
            trial.error, trial.ranks = str(error), []


def compare(
    judge: Judge, templates: Sequence[Template], tell: Callable[[int, int, str], None]
) -> list[Trial]:
    """The trials of all templates, best first, by successive halving."""
    plan = rounds(len(templates), len(judge.cases))
    before = [0, *(stage.users for stage in plan[:-1])]
    total = sum(stage.candidates * (stage.users - had) for stage, had in zip(plan, before, strict=True))
    trials, done = [Trial(template) for template in templates], 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        tell(done, total, name)

    for stage in plan:
        for trial in trials[: stage.candidates]:
            judge.rank(trial, stage.users, count)
        compared = sorted(trials[: stage.candidates], key=lambda trial: trial.cost(stage.users))
        trials[: stage.candidates] = compared
    return trials


def weigh_words(judge: Judge, best: Trial, tell: Callable[[int, int, str], None]) -> list[dict[str, Any]]:
    """How the ranks change without each word of the prompt, the largest cost first.

    `cost` is the growth of the mean log2 rank: 1 means that ranks double without the word.
    """
    users = min(len(judge.cases), max(8, len(judge.cases) // WORD_SHARE))
    said = words(best.template)
    costs = []
    for place, word in enumerate(said):
        tell(place, len(said), f"without {word!r}")
        trial = Trial(without(best.template, word))
        judge.rank(trial, users, lambda name: None)
        if not trial.error:
            costs.append({"word": word, "cost": trial.cost(users) - best.cost(users), "users": users})
    return sorted(costs, key=lambda entry: -float(entry["cost"]))


def answer(request: Mapping[str, Any], tell: Callable[[int, int, str], None]) -> dict[str, Any]:
    """The response to one request. Raises UserError when no template can be tried."""
    judge = Judge(request)
    trials = compare(judge, [Template(**fields) for fields in request["templates"]], tell)
    first = rounds(len(trials), len(judge.cases))[0].users
    weighed = weigh_words(judge, trials[0], tell) if request["words"] and not trials[0].error else []
    k = judge.evaluation.k
    return {
        "trials": [
            {
                "name": trial.template.name,
                "users": len(trial.ranks),
                "metrics": _metrics(trial.ranks, k),
                "first": _metrics(trial.ranks[:first], k),
                "error": trial.error,
            }
            for trial in trials
        ],
        "users": first,
        "words": weighed,
        "protocol": judge.protocol().to_json(),
    }


def _metrics(ranks: Sequence[float], k: int) -> dict[str, float]:
    """The ranking metrics, and the typical rank: the geometric mean."""
    if not ranks:
        return {}
    values: NDArray[np.float64] = np.array(ranks)
    return {**measured(ranking_metrics(k), {"rank": values}), "rank": float(np.exp2(np.log2(values).mean()))}


def main() -> int:
    """Answer the request on stdin."""

    def answer_request(say: Say) -> dict[str, Any]:
        request = json.loads(sys.stdin.readline())
        return answer(request, lambda done, total, name: say({"done": done, "total": total, "name": name}))

    return answer_lines("trying templates", answer_request)


if __name__ == "__main__":
    sys.exit(main())
