"""What `run show` prints of a run's document."""

from typing import Any

import pytest

from promptrec_tui.cli.run import print_summary

DOCUMENT: dict[str, Any] = {
    "name": "first",
    "state": "done",
    "reason": "Done after 6 steps.",
    "stalled": False,
    "step": 6,
    "total_steps": 6,
    "training_seconds_left": None,
    "queue": None,
    "spec": {"task": "next_item"},
    "validation": {"metric": "ndcg@10", "best": None, "last": None, "users": None},
    "log_tail": [],
    "warnings": [],
    "protocol": {"k": 10},
    "users": 200,
    "metrics": {"before": {"ndcg@10": 0.1}, "after": {"ndcg@10": 0.2}, "baselines": {}, "gain": {}},
    "paths": {"adapter": "/nowhere/adapter", "log": "/nowhere/log"},
    "computing": None,
    "survives_logout": {"answer": "yes", "why": "It does."},
}


@pytest.mark.parametrize("noise", [None, {"sentence": ""}, {"sentence": "In bf16 a score may be off."}])
def test_ranks_that_hang_on_noise_are_told(capsys: pytest.CaptureFixture[str], noise: Any) -> None:
    print_summary({**DOCUMENT, "noise": noise})
    warned = "warning: In bf16 a score may be off." in capsys.readouterr().out
    assert warned == bool(noise and noise["sentence"])
