"""Every value that a setting may have is run for two steps."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin

import pytest

from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.settings import GROUPS
from promptrec_tui.runs.states import State

MONITORS = ("ndcg@10", "hr@10", "mrr@10", "mrr", "validation_loss")
ELSEWHERE = {"train.precision": ("bf16",), "tuning.method": ("head", "none")}
"""Values that need a GPU or a classifier, or take no step."""


def choices() -> Iterator[tuple[str, Any]]:
    """(key, value) for each value of each setting that is one of a few."""
    for group, part in ((group, part) for group, parts in GROUPS.items() for part in parts):
        for name, field in part.model_fields.items():
            key = f"{group}.{name}"
            if get_origin(field.annotation) is Literal:
                yield from ((key, value) for value in get_args(field.annotation))
            elif field.annotation is bool:
                yield from ((key, value) for value in (False, True))
            elif get_origin(field.annotation) is tuple:
                each = get_args(get_args(field.annotation)[0])
                yield from ((key, [value]) for value in each)
                yield (key, [])
    yield from (("train.monitor", value) for value in MONITORS)


ALL = [(key, value) for key, value in choices() if value not in ELSEWHERE.get(key, ())]


def test_the_list_is_of_all_settings_with_choices() -> None:
    keys = {key for key, _ in ALL}
    assert {
        "tuning.method",
        "train.loss",
        "train.scheduler",
        "evaluation.score",
        "evaluation.baselines",
        "data.window",
    } <= keys
    assert len(ALL) > 25


@pytest.mark.parametrize(("key", "value"), ALL, ids=[f"{key}={value}" for key, value in ALL])
def test_two_steps_under_each_value(
    new_run: Callable[..., RunFolder], tune: Any, events: Any, key: str, value: Any
) -> None:
    two = {
        *{"train.max_steps": 2, "train.eval_every": 1, "train.batch_size": 8}.items(),
        *{"evaluation.users": 2, "evaluation.monitor_users": 2}.items(),
    }
    folder = new_run(**{**dict(two), key: value})
    outcome = tune(folder)
    assert (outcome.state, outcome.step) == (State.DONE, 2), outcome.reason
    measured = [event["values"] for event in events(folder, "metric") if "validation_loss" in event["values"]]
    monitor = value if key == "train.monitor" else "ndcg@10"
    assert all(monitor in values for values in measured)
