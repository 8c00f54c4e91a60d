"""The trainer and the scorer as processes, and the adapter without this package."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import read_heartbeat
from promptrec_tui.runs.states import State
from promptrec_tui.tuning import worker

PLAIN_PEFT = """
import json, sys
sys.modules["promptrec_tui"] = None
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
base, adapter, ids, length = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()
with torch.no_grad():
    logs = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
print(sum(logs[at - 1, ids[at]].item() for at in range(len(ids) - length, len(ids))))
"""


def test_a_trainer_a_scorer_and_plain_peft_agree(
    new_run: Callable[..., RunFolder], home: Home, child: Any, events: Any, model_folder: Path
) -> None:
    folder = new_run()
    folder.attempt(1).path.mkdir(parents=True)
    start = time.time()
    trainer = child(home, "promptrec_tui.tuning.worker", folder.id, "1")
    output, errors = trainer.communicate()
    assert trainer.returncode == 0, errors

    written = events(folder)
    assert written[0]["kind"] == "phase"
    assert written[0]["time"] - start < 3, "the first event does not wait for torch"
    starting = [event.get("message") for event in written[:4]]
    assert starting == ["Starting", "torch is loaded", "transformers is loaded", "peft is loaded"]
    assert written[-1]["kind"] == "finished"
    assert written[-1]["state"] == "done"
    assert written[-1]["reason"] in output
    heartbeat = read_heartbeat(folder)
    assert heartbeat is not None
    assert heartbeat.attempt == 1

    after = next(event for event in written if event["kind"] == "preview" and event["stage"] == "after")
    preview = after["users"][0]
    keys = {title: f"i{number}" for number, title in enumerate(_titles(home))}
    history = [keys[title] for title in preview["history"]]
    scorer = child(home, "promptrec_tui.serving.stdio", folder.id)
    try:
        hello = json.loads(scorer.stdout.readline())
        assert (hello["ready"], hello["device"]) == (True, "cpu")

        def ask(**fields: Any) -> dict[str, Any]:
            scorer.stdin.write(json.dumps(fields) + "\n")
            scorer.stdin.flush()
            answer: dict[str, Any] = json.loads(scorer.stdout.readline())
            return answer

        answer = ask(id=1, verb="top_k", history=history, k=10)
        assert answer["id"] == 1
        assert answer["dropped"] == 0
        assert answer["prompt"].endswith(preview["history"][-1] + "\n")
        assert [item["title"] for item in answer["items"]] == [item["title"] for item in preview["top"]]
        assert [item["logprob"] for item in answer["items"]] == pytest.approx(
            [item["logprob"] for item in preview["top"]], abs=1e-4
        )
        rank = ask(id=2, verb="rank", history=history, target=keys[preview["target"]])
        assert rank["rank"] == preview["rank"]
        whole = ask(id=3, verb="top_k", history=history, k=1000, exclude_seen=False)
        assert len(whole["items"]) == len(keys)
        scores = ask(id=4, verb="scores", history=history)
        assert {item["key"] for item in scores["items"]} == set(keys.values()) - set(history)
        long = ask(id=9, verb="scores", history=list(keys.values())[:12])
        assert (long["dropped"], long["prompt"].count("\n")) == (4, 8), "the window of training: 8 items"
        assert len(long["items"]) == len(keys) - 12, "all twelve are seen"
        untuned = ask(id=5, verb="top_k", history=history, k=10, untuned=True)
        assert [item["logprob"] for item in untuned["items"]] != [item["logprob"] for item in answer["items"]]
        assert "no item 'i999'" in ask(id=6, verb="top_k", history=["i999"])["error"]
        assert "no verb" in ask(id=7, verb="sing", history=history)["error"]
        again = ask(id=8, verb="top_k", history=history, k=10)
        assert {**again, "id": 1} == answer, "an error leaves no trace"
        scorer.stdin.close()
        assert scorer.wait() == 0
    finally:
        scorer.kill()
        scorer.wait()

    first = answer["items"][0]
    ids, length = answer["prompt_token_ids"] + first["token_ids"], len(first["token_ids"])
    arguments = [str(model_folder), str(folder.adapter), json.dumps(ids), str(length)]
    command = [sys.executable, "-c", PLAIN_PEFT, *arguments]
    plain = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    assert float(plain.stdout) == pytest.approx(first["logprob"], abs=1e-3)


def _titles(home: Home) -> list[str]:
    from promptrec_tui.datasets.dataset import open_dataset

    with open_dataset(home.datasets / "d.sqlite") as dataset:
        return [item.title for item in dataset.items()]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The worker's own function in this process, whose threads and signals are put back afterwards."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    before = signal.getsignal(signal.SIGTERM)

    def run(folder: RunFolder) -> Any:
        folder.attempt(1).path.mkdir(parents=True)
        return worker.work(folder, 1)

    yield run
    signal.signal(signal.SIGTERM, before)


def test_what_a_person_can_mend_ends_in_one_sentence(
    new_run: Callable[..., RunFolder], home: Home, work: Any, events: Any, capsys: Any
) -> None:
    folder = new_run()
    (home.datasets / "d.sqlite").unlink()
    assert work(folder).state == State.FAILED
    (finished,) = events(folder, "finished")
    assert "Import the data again" in finished["reason"]
    assert "Traceback" not in capsys.readouterr().err


def test_the_unexpected_ends_in_one_sentence_and_a_traceback_in_the_log(
    new_run: Callable[..., RunFolder], work: Any, events: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("promptrec_tui.tuning.recipe.write_result", broken)
    folder = new_run()
    assert work(folder).state == State.FAILED
    (finished,) = events(folder, "finished")
    assert finished["reason"] == "Unexpected RuntimeError: first line; see the log."
    assert "Traceback" in capsys.readouterr().err


def test_events_are_json_without_nan(new_run: Callable[..., RunFolder], tune: Any) -> None:
    folder = new_run(train__max_steps=3)
    tune(folder)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    for line in folder.events.read_text().splitlines():
        json.loads(line, parse_constant=refuse)
    report = json.loads(folder.report.read_text(), parse_constant=refuse)
    assert math.isfinite(report["metrics"]["before"]["mrr"])
