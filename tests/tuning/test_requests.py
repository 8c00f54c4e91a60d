"""Requests, news and devices: what needs no torch."""

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.phases import BASELINES, TUNED_TEST, UNTUNED_TEST
from promptrec_tui.runs.requests import request
from promptrec_tui.runs.spec import RunSettings
from promptrec_tui.tuning.devices import prepare
from promptrec_tui.tuning.journal import Journal
from promptrec_tui.tuning.requests import RequestInbox


@pytest.fixture
def folder(new_run: Callable[..., RunFolder]) -> RunFolder:
    """A run in its first attempt."""
    made = new_run()
    made.attempt(1).path.mkdir(parents=True)
    return made


def test_requests_are_answered_once_when_carried_out(folder: RunFolder, events: Any) -> None:
    with Journal(folder, 1) as journal:
        inbox = RequestInbox(journal)
        assert not inbox.cancelled()
        numbers = [request(folder, "checkpoint"), request(folder, "pause")]
        assert inbox.cancelled()
        assert (inbox.ending, inbox.wants_checkpoint) == ("pause", True)
        inbox.answer("saved", "checkpoint")
        assert not inbox.wants_checkpoint
        numbers.append(request(folder, "stop"))
        inbox.poll()
        assert inbox.ending == "stop", "a stop outweighs a pause"
        inbox.answer("stopped")
        inbox.answer("stopped")
        inbox.poll()
        assert inbox.ending is None
    acks = [(ack["control"], ack["command"], ack["result"]) for ack in events(folder, "ack")]
    assert acks == [
        (numbers[0], "checkpoint", "saved"),
        (numbers[1], "pause", "stopped"),
        (numbers[2], "stop", "stopped"),
    ]


def test_requests_to_an_earlier_attempt_are_not_taken(folder: RunFolder) -> None:
    request(folder, "pause")
    folder.attempt(2).path.mkdir()
    with Journal(folder, 2) as journal:
        assert not RequestInbox(journal).cancelled()


def test_news_of_a_phase_are_few_but_its_ends_are_told(folder: RunFolder, events: Any) -> None:
    with Journal(folder, 1) as journal:
        for done in range(101):
            journal.phase(UNTUNED_TEST, done, 100)
        for done in range(51):
            journal.phase(TUNED_TEST, done, 50)
    phases = [(event["part"], event["done"]) for event in events(folder, "phase")]
    assert phases == [("untuned_test", 0), ("untuned_test", 100), ("tuned_test", 0), ("tuned_test", 50)]


def test_each_part_of_a_phase_is_told_and_details_of_it_are_few(folder: RunFolder, events: Any) -> None:
    with Journal(folder, 1) as journal:
        journal.detail("Nothing goes on yet.")
        for done, name in enumerate(("markov", "sasrec")):
            journal.phase(BASELINES, done, 2, f"Fitting {name}")
            for step in range(100):
                journal.detail(f"Fitting {name}: {step} of 100")
        journal.detail("sasrec took 5 s", at_once=True)
    told = [(event["phase"], event["done"], event["message"]) for event in events(folder, "phase")]
    assert told == [
        ("baselines", 0, "Fitting markov"),
        ("baselines", 1, "Fitting sasrec"),
        ("baselines", 1, "sasrec took 5 s"),
    ]


@pytest.mark.parametrize(
    ("device", "visible", "setting", "shown"),
    [
        ("auto", None, "auto", "0"),
        ("cuda:2", None, "cuda", "2"),
        ("cuda:1", "4,5", "cuda", "5"),
        ("auto", "4,5", "auto", "4"),
        ("auto", "", "auto", ""),
        ("cuda:3", "4,5", "cuda:3", "4,5"),
        ("GPU-12ab", None, "cuda", "GPU-12ab"),
        ("cpu", None, "cpu", None),
    ],
)
def test_torch_is_shown_one_gpu(device: str, visible: str | None, setting: str, shown: str | None) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert prepare(RunSettings(device=device, threads=3), environment) == setting
    assert environment.get("CUDA_VISIBLE_DEVICES") == shown
    assert environment["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("device", "own", "given"),
    [
        ("auto", {}, {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}),
        ("cuda:1", {}, {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}),
        ("MIG-12ab", {}, {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}),
        ("cpu", {}, {}),
        ("mps", {}, {}),
        (
            "auto",
            {"PYTORCH_ALLOC_CONF": "max_split_size_mb:64"},
            {"PYTORCH_ALLOC_CONF": "max_split_size_mb:64"},
        ),
        ("auto", {"PYTORCH_CUDA_ALLOC_CONF": ""}, {"PYTORCH_CUDA_ALLOC_CONF": ""}),
    ],
)
def test_a_gpu_s_memory_is_taken_in_segments_that_grow_unless_a_person_says_how(
    device: str, own: dict[str, str], given: dict[str, str]
) -> None:
    environment = dict(own)
    prepare(RunSettings(device=device), environment)
    assert {name: value for name, value in environment.items() if "ALLOC_CONF" in name} == given


CROWDED = """
import os, time
from promptrec_tui.runs.spec import RunSettings
from promptrec_tui.tuning.devices import prepare
prepare(RunSettings(device="cpu", threads=2))
import torch
some = torch.randn(256, 256)
some @ some
core = {min(os.sched_getaffinity(0))}
for thread in os.listdir("/proc/self/task"):
    os.sched_setaffinity(int(thread), core)
start = time.process_time()
for _ in range(200):
    some @ some
print(time.process_time() - start)
"""


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="threads are bound to a core by Linux's means"
)
def test_threads_that_wait_for_a_core_burn_no_time() -> None:
    # Two threads share a core, as when another program has the other one: 0.1 s of CPU, or 3 s of spinning.
    seconds = run([sys.executable, "-c", CROWDED], capture_output=True, text=True, check=True).stdout
    assert float(seconds) < 1


def test_the_worker_starts_without_torch() -> None:
    code = (
        "import sys, promptrec_tui.tuning.worker; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
