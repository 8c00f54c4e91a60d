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
    "seconds_left": None,
    "tags": [],
    "note": "",
    "phases": [],
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


def test_the_phases_of_a_run_that_is_not_done_have_counts_and_times(
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = {"part": "model", "title": "load the model", "state": "done", "done": None, "total": None}
    step |= {"seconds": 4.2, "seconds_left": None}
    now = {**step, "title": "untuned model on test", "state": "now", "done": 1200, "total": 9000}
    now |= {"seconds": 60.0, "seconds_left": 390.0}
    wait = {**step, "title": "tuned model on test", "state": "waiting", "seconds": 0.0}
    left = {"seconds_left": 390.0, "until_end_of": "testing"}
    print_summary({**DOCUMENT, "noise": None, "state": "stopped", "phases": [step, now, wait], **left})
    lines = capsys.readouterr().out.split("\n")
    assert next(line for line in lines if "load" in line).split() == ["+", "load", "the", "model", "4", "s"]
    assert next(line for line in lines if "untuned model" in line).split()[-8:] == (
        ["test", "1,200/9,000", "1", "min", "about", "6", "min", "left"]
    )
    assert "  o tuned model on test" in lines
    assert any(line.startswith("6 min left, testing ends about ") for line in lines)
    print_summary({**DOCUMENT, "noise": None, "phases": [step]})
    assert "load the model" not in capsys.readouterr().out
