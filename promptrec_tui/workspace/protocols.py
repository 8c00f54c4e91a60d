"""May the test figures of two runs be compared? If not, which command makes them alike?"""

import shlex
from collections.abc import Mapping
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.text import clean
from promptrec_tui.workspace.differences import dataset_text, template_text

SETTINGS = {
    "split": "data.split",
    "tie_rule": "data.tie_rule",
    "seen": "evaluation.seen",
    "score": "evaluation.score",
    "k": "evaluation.k",
    "seed": "evaluation.seed",
}
"""By key of the protocol, the setting that it is of."""

RANKING = ("split", "tie_rule", "seen", "score", "k", "catalogue", "cap", "stage")
LABELS = ("score", "labels", "split", "stage")
"""What must be equal, of rankings and of labels. A model without `score` has labels as its outputs."""


def require_alike(names: tuple[str, str], specs: tuple[RunSpec, RunSpec], protocols: tuple[Any, Any]) -> None:
    """Raise UserError, with the reason and the command, unless two runs were measured under like protocols.

    `protocols` are those of their reports; older ones lack keys, which are taken from the spec.
    """
    if specs[0].task != specs[1].task:
        raise UserError(
            f"Run {clean(names[0])!r} is of the task {clean(specs[0].task)} and {clean(names[1])!r} of "
            f"{clean(specs[1].task)}: they have no metric in common. Compare runs of one task."
        )
    ours, theirs = (_conditions(*each) for each in zip(specs, protocols, strict=True))
    unlike = [
        key
        for key in ours.keys() | theirs.keys()
        if None not in (ours.get(key), theirs.get(key)) and ours[key] != theirs[key]
    ]
    if not unlike:
        return
    order = ["dataset", *SETTINGS, *RANKING, *LABELS]
    unlike.sort(key=order.index)
    shown = [dict(each) for each in (ours, theirs)]
    for each, spec in zip(shown, specs, strict=True):
        each["dataset"] = dataset_text(spec)
    reasons = ", ".join(
        f"{SETTINGS.get(key, key)} is {clean(str(shown[0][key]))} in {clean(names[0])!r} and "
        f"{clean(str(shown[1][key]))} in {clean(names[1])!r}"
        for key in unlike
    )
    raise UserError(
        f"Figures of unlike protocols are not compared: {reasons}. A run that is measured like "
        f"{clean(names[0])!r}: {clean(_command(names, specs, ours, unlike))}"
    )


def _conditions(spec: RunSpec, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal between two runs of one task; None for what is not known."""
    keys = LABELS if spec.task == "classify" else RANKING
    conditions = {key: protocol.get(key) for key in keys}
    if spec.task == "classify":
        # A text of one run's drawn test is one of another run's training, where another seed has drawn it.
        if "test" in str(protocol.get("split")).partition(";")[2]:
            conditions["seed"] = protocol.get("seed")
    else:
        written = {
            "split": spec.settings.data.split,
            "tie_rule": spec.settings.data.tie_rule,
            "seen": spec.settings.evaluation.seen,
            "score": spec.settings.evaluation.score,
            "k": spec.settings.evaluation.k,
        }
        conditions |= {key: value for key, value in written.items() if conditions[key] is None}
    return {"dataset": protocol.get("dataset") or spec.dataset.sha256, **conditions}


def _command(
    names: tuple[str, str], specs: tuple[RunSpec, RunSpec], ours: Mapping[str, Any], unlike: list[str]
) -> str:
    """The command that starts a run which is like the second one, and measured like the first one."""
    settings = {SETTINGS[key]: ours[key] for key in unlike if key in SETTINGS}
    monitor, at, _ = specs[1].settings.train.monitor.partition("@")
    if "k" in unlike and at:
        settings["train.monitor"] = f"{monitor}@{ours['k']}"
    sets = "".join(f" --set {key}={value}" for key, value in settings.items())
    if "dataset" not in unlike:
        return f"promptrec run fork {shlex.quote(names[1])}{sets}"
    first, second = specs
    parts = {
        "--name": "NAME",
        "--dataset": first.dataset.name,
        "--task": second.task,
        "--template": template_text(second),
        "--model": second.model.name,
    }
    said = " ".join(f"{option} {shlex.quote(value)}" for option, value in parts.items())
    return f"promptrec run start {said}{sets}"
