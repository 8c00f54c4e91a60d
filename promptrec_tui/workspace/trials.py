"""Comparing templates before tuning: the same model and users under each of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template
from promptrec_tui.prompts.variants import newest_first
from promptrec_tui.runs.base_models import placed_spec
from promptrec_tui.runs.spec import DataSettings, EvaluationSettings
from promptrec_tui.workspace.child_processes import Progress, ask_child
from promptrec_tui.workspace.datasets import find_dataset
from promptrec_tui.workspace.models import find_model, list_models
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import run_folder
from promptrec_tui.workspace.templates import as_template, find_template, list_templates

TASK = "next_item"


@dataclass(frozen=True)
class Trial:
    """The results of one template on `users` users: ranking metrics and the geometric mean `rank`.

    `first`: the same on the users that all templates were tried on. `error`: why it could not be tried.
    """

    name: str
    users: int
    metrics: dict[str, float]
    first: dict[str, float]
    error: str = ""


@dataclass(frozen=True)
class Word:
    """The effect of leaving a word out of the best template.

    `cost`: by how much the mean log2 rank over `users` users grows.
    """

    word: str
    cost: float
    users: int


@dataclass(frozen=True)
class Sensitivity:
    """Templates tried on the same users, best first.

    `metric` over the `users` that all templates were tried on: `mean`, `low` and `high`. Figures are of
    validation targets, under `protocol`.
    """

    trials: tuple[Trial, ...]
    metric: str
    users: int
    mean: float
    low: float
    high: float
    words: tuple[Word, ...]
    protocol: dict[str, Any]


def try_templates(
    workspace: Workspace,
    dataset: str,
    templates: Sequence[str] = (),
    *,
    model: str = "",
    run: str = "",
    orders: bool = False,
    users: int = 64,
    k: int = 10,
    words: bool = False,
    progress: Progress | None = None,
) -> Sensitivity:
    """Rank targets with the untuned `model` (by default the first), or a finished `run`, under each template.

    Without names all templates of the task are tried; `orders` tries each with the newest item first too;
    `words` measures the effect of each word of the best one. Takes minutes. Raises UserError for
    unknown names, a run without an adapter, or when nothing can be tried.
    """
    names = list(templates) or [row.name for row in list_templates(workspace) if row.task == TASK]
    tried = [_template(workspace, name) for name in names]
    if orders:
        tried += [turned for template in tried if (turned := newest_first(template))]
    request: dict[str, Any] = {
        "dataset": str(workspace.home.root / find_dataset(workspace, dataset).file),
        "templates": [asdict(template) for template in tried],
        "users": users,
        "words": words,
        "data": DataSettings().model_dump(),
        "evaluation": EvaluationSettings(k=k).model_dump(),
    }
    reply = ask_child(
        workspace,
        "promptrec_tui.tuning.template_search",
        request={**request, **_model(workspace, model, run)},
        log="trials.log",
        work="trial of templates",
        progress=progress,
    )
    trials = tuple(Trial(**trial) for trial in reply["trials"])
    metric = f"ndcg@{k}"
    values = [trial.first[metric] for trial in trials if not trial.error]
    if not values:
        raise UserError(f"No template could be tried: {trials[0].error}")
    return Sensitivity(
        trials=trials,
        metric=metric,
        users=reply["users"],
        mean=sum(values) / len(values),
        low=min(values),
        high=max(values),
        words=tuple(Word(**word) for word in reply["words"]),
        protocol=reply["protocol"],
    )


def _template(workspace: Workspace, name: str) -> Template:
    row = find_template(workspace, name)
    if row.task != TASK:
        raise UserError(f"Template {row.name!r} is for {row.task!r}: only {TASK} can be tried so far.")
    return as_template(row)


def _model(workspace: Workspace, model: str, run: str) -> dict[str, str | None]:
    """The folders of the base model and of the adapter, if any."""
    if not run:
        base = find_model(workspace, model) if model else list_models(workspace)[0]
        return {"model": base.folder, "adapter": None}
    if model:
        raise UserError("Give --model or --run, not both: a run has its own model.")
    folder = run_folder(workspace, run)
    if not folder.adapter.is_dir():
        raise UserError(f"Run {run!r} has no adapter yet: wait until it is done, or try its model untuned.")
    return {"model": placed_spec(folder).model.folder, "adapter": str(folder.adapter)}
