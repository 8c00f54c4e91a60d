"""Runs on a GPU, the whole way: trained, resumed, evaluated, scored; with others in sight, on part of one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import load_peft_weights

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.report import read_report
from promptrec_tui.runs.states import State
from tests.gpu.conftest import DEVICE, mig_names, needs_gpu

pytestmark = needs_gpu

EXACT = {"run.device": DEVICE, "train.precision": "fp32", "tuning.dropout": 0.0}


def losses(events: Any, folder: RunFolder) -> list[float]:
    metrics = [event["values"] for event in events(folder, "metric")]
    return [values["validation_loss"] for values in metrics if "validation_loss" in values]


def test_a_run_is_trained_and_judged(new_run: Callable[..., RunFolder], tune: Any, events: Any) -> None:
    """In bf16 where the GPU has it; the model's noise is measured and told."""
    folder = new_run(**{"run.device": DEVICE, "train.max_steps": 20, "train.eval_every": 5})
    outcome = tune(folder, device=DEVICE)
    assert outcome.state == State.DONE, outcome.reason
    (computing,) = events(folder, "computing")
    assert computing["device"] == torch.cuda.get_device_name(0)
    report = read_report(folder)
    precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    assert computing["precision"] == report["protocol"]["precision"] == precision
    assert report["metrics"]["after"]["mrr"] > 0
    assert ("noise" in report) == (precision == "bf16")
    measured = losses(events, folder)
    assert measured[-2] < measured[0], "it learns (the last one is the untuned model's)"


def test_in_fp32_it_learns_what_a_cpu_learns(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    there = new_run("there", **EXACT)
    here = new_run("here", **{**EXACT, "run.device": "cpu"})
    assert tune(there, device=DEVICE).state == tune(here).state == State.DONE
    assert losses(events, there) == pytest.approx(losses(events, here), rel=1e-3)
    ours, theirs = (load_peft_weights(str(run.adapter), device="cpu") for run in (there, here))
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], atol=5e-3, rtol=0)


def test_a_resumed_run_ends_where_an_undisturbed_one_does(
    new_run: Callable[..., RunFolder], tune: Any, events: Any
) -> None:
    """With dropout: the GPU's random numbers go on too."""
    settings = {**EXACT, "tuning.dropout": 0.2, "train.save_every": 1}
    straight, cut = new_run("straight", **settings), new_run("cut", **settings)
    tune(straight, device=DEVICE)
    paused = tune(
        cut, "pause", lambda kind, fields: kind == "checkpoint" and fields["step"] == 2, device=DEVICE
    )
    assert paused.state == State.PAUSED
    assert tune(cut, device=DEVICE).state == State.DONE
    ours, theirs = (load_peft_weights(str(run.adapter), device="cpu") for run in (cut, straight))
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], atol=1e-4, rtol=0)
    assert not [e for e in events(cut, "warning") if "may differ" in e["message"]]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_each_precision_with_and_without_checkpointing(
    new_run: Callable[..., RunFolder], tune: Any, precision: str, checkpointing: bool
) -> None:
    settings = {"train.precision": precision, "train.gradient_checkpointing": checkpointing}
    folder = new_run(**{"run.device": DEVICE, "train.max_steps": 2, **settings})
    assert tune(folder, device=DEVICE).state == State.DONE


def worker(home: Home, folder: RunFolder, **environment: str) -> None:
    """An attempt as its own process, as the queue starts it."""
    attempt = folder.attempt(folder.last_attempt + 1)
    attempt.path.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "promptrec_tui.tuning.worker", folder.id, str(attempt.number)],
        env={**os.environ, "PROMPTREC_HOME": str(home.root), "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_worker_and_a_scorer_agree(
    new_run: Callable[..., RunFolder], home: Home, child: Any, events: Any
) -> None:
    folder = new_run(**EXACT)
    worker(home, folder)
    after = next(event for event in events(folder, "preview") if event["stage"] == "after")
    first = after["users"][0]
    from promptrec_tui.datasets.dataset import open_dataset

    with open_dataset(home.datasets / "d.sqlite") as dataset:
        keys = {item.title: item.key for item in dataset.items()}
    scorer = child(home, "promptrec_tui.serving.stdio", folder.id)
    try:
        hello = json.loads(scorer.stdout.readline())
        assert hello.get("device", "").startswith(DEVICE), hello
        history = [keys[title] for title in first["history"]]
        scorer.stdin.write(json.dumps({"id": 1, "verb": "top_k", "history": history, "k": 10}) + "\n")
        scorer.stdin.flush()
        answer = json.loads(scorer.stdout.readline())
        assert [item["title"] for item in answer["items"]] == [item["title"] for item in first["top"]]
    finally:
        scorer.kill()
        scorer.wait()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("device", ["auto", "cuda:1"])
def test_with_two_gpus_in_sight_a_run_takes_one(
    new_run: Callable[..., RunFolder], home: Home, events: Any, device: str
) -> None:
    folder = new_run(**{"run.device": device, "train.max_steps": 3})
    worker(home, folder)
    (computing,) = events(folder, "computing")
    assert computing["device"] == torch.cuda.get_device_name(1 if device == "cuda:1" else 0)


@pytest.mark.skipif(not mig_names(), reason="needs a GPU in parts (MIG)")
@pytest.mark.parametrize("source", ["setting", "environment"])
def test_a_part_of_a_gpu_goes_by_its_name(
    new_run: Callable[..., RunFolder], home: Home, events: Any, source: str
) -> None:
    name = mig_names()[0]
    folder = new_run(**{"run.device": name if source == "setting" else "auto", "train.max_steps": 3})
    worker(home, folder, **({} if source == "setting" else {"CUDA_VISIBLE_DEVICES": name}))
    (computing,) = events(folder, "computing")
    assert computing["device"] != "the CPU"


SEGMENTS = """
from promptrec_tui.runs.spec import RunSettings
from promptrec_tui.tuning.devices import prepare
prepare(RunSettings(device="auto"))
import torch
some = torch.ones(2**20, device="cuda")
print(any(segment["is_expandable"] for segment in torch.cuda.memory_snapshot()))
"""


def test_memory_is_taken_in_segments_that_grow(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if "ALLOC_CONF" not in name}
    asked = subprocess.run(
        [sys.executable, "-c", SEGMENTS], env=clean, capture_output=True, text=True, timeout=200, check=False
    )
    assert asked.stdout.strip() == "True", asked.stderr
