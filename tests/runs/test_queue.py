import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.runs import devices, queue
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.gpus import Gpu
from promptrec_tui.runs.liveness import Lock, take_lock
from promptrec_tui.runs.queue import (
    asked_entry,
    change,
    claim,
    claimed_device,
    claimed_devices,
    enqueue,
    note_reason,
    queue_entry,
    queued,
    withdraw,
)

CLAIM = """
import sys, time
from pathlib import Path
from promptrec_tui.home import Home
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.queue import claim, queued
home, slot = Home(Path(sys.argv[1])), take_lock(Path(sys.argv[2]))
entries = queued(home)
print("ready", flush=True)
start = float(input())
for turn, entry in enumerate(entries):
    while time.monotonic() < start + turn * 0.02:
        pass
    if claim(entry.folder, [slot]) == 1:
        print(entry.folder.id)
"""


@contextmanager
def held(home, device="cpu"):
    lock = take_lock(slot_path(home, device))
    yield lock
    lock.release()


def ids(home):
    return [entry.folder.id for entry in queued(home)]


def test_first_come_first_served_unless_told_otherwise(home, make_run):
    runs = {name: make_run(name) for name in ("c", "a", "b", "d")}
    enqueue(runs["c"])
    enqueue(runs["a"])
    enqueue(runs["b"], priority=1)
    assert ids(home) == ["b", "c", "a"]
    enqueue(runs["d"], position=1.5)
    assert ids(home) == ["b", "c", "d", "a"]
    enqueue(runs["c"], hold=True)
    assert ids(home) == ["b", "c", "d", "a"]
    assert queue_entry(runs["c"]).hold


def test_a_claim_takes_a_run_out_of_the_queue(home, run):
    enqueue(run, device="cpu")
    with held(home) as slot:
        assert claim(run, [slot]) == 1
        assert claim(run, [slot]) is None
    assert queued(home) == []
    assert read_json(run.attempt(1).claim) == {"devices": ["cpu"]}
    assert enqueue(run, device="cpu").attempt == 2
    with held(home) as slot:
        assert claim(run, [slot]) == 2


def test_what_cannot_be_claimed(home, run):
    with held(home) as slot:
        assert claim(run, [slot]) is None
        enqueue(run, device="cpu", hold=True)
        assert claim(run, [slot]) is None
        enqueue(run, device="cuda:1")
        assert claim(run, [slot]) is None
        enqueue(run, device="cpu")
        survivor = take_lock(run.lock)
        assert claim(run, [slot]) is None
        survivor.release()
        assert claim(run, [slot]) == 1


def test_a_run_taken_back_is_not_claimed(home, run):
    assert not withdraw(run)
    enqueue(run, device="cpu")
    assert withdraw(run)
    with held(home) as slot:
        assert claim(run, [slot]) is None
        enqueue(run, device="cpu")
        assert claim(run, [slot]) == 1
    assert not withdraw(run)


@pytest.mark.parametrize("act", [enqueue, withdraw, lambda run: claim(run, [Lock(Path("cpu.lock"), -1)])])
def test_one_at_a_time(run, act, monkeypatch):
    monkeypatch.setattr(queue, "BUSY", 0)
    other = take_lock(run.queue_lock)
    with pytest.raises(UserError, match="another process"):
        act(run)
    other.release()
    act(run)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"attempt": "x"}'])
def test_a_damaged_entry_does_not_wait(home, run, content):
    enqueue(run)
    run.queue_file.write_text(content)
    assert queued(home) == []


def test_a_resumed_run_keeps_what_was_asked_of_it(home, run):
    enqueue(run, device="cpu", priority=3, continue_after_failure=False)
    with held(home) as slot:
        claim(run, [slot])
    again = enqueue(run, device="cpu")
    assert (again.attempt, again.priority, again.continue_after_failure) == (2, 3, False)
    assert enqueue(run, device="cpu", priority=0).priority == 0


def test_a_waiting_run_is_changed_and_a_claimed_one_only_read(home, run):
    assert not change(run, priority=1)
    enqueue(run, device="cpu")
    assert change(run, priority=1)
    assert queue_entry(run).priority == 1
    with held(home) as slot:
        claim(run, [slot])
    assert not change(run, priority=2)
    assert change(run, claimed_too=True, continue_after_failure=False)
    assert not asked_entry(run).continue_after_failure
    assert queue_entry(run) is None


def test_a_claim_that_was_cut_short_is_one(home, run):
    """The claimant died between making the attempt's folder and moving the entry into it."""
    enqueue(run, device="cpu", continue_after_failure=False)
    run.attempt(1).path.mkdir()
    assert queued(home) == []
    assert not asked_entry(run).continue_after_failure
    assert change(run, claimed_too=True, continue_after_failure=True)
    assert asked_entry(run).continue_after_failure
    assert enqueue(run, device="cpu").attempt == 2
    assert ids(home) == ["r1"]


def test_only_runs_that_wait_are_looked_into(home, run):
    enqueue(run, device="cpu")
    with held(home) as slot:
        claim(run, [slot])
    assert not run.queue_file.exists()
    assert asked_entry(run).attempt == 1
    (home.runs / ".staging").mkdir()
    (home.runs / ".staging" / "queue.json").write_text("{}")
    assert queued(home) == []


def test_a_reason_is_of_the_entry_that_was_looked_at(home, run):
    seen = enqueue(run, device="cpu")
    note_reason(seen, "waits")
    assert queue_entry(run).reason == "waits"
    change(run, priority=1)
    assert queue_entry(run).reason == ""
    note_reason(seen, "waits for ever")
    assert queue_entry(run).reason == ""


def test_a_slot_names_the_run_that_has_it(home, run):
    enqueue(run, device="cpu")
    with held(home) as slot:
        claim(run, [slot])
        assert read_json(slot.path.with_suffix(".json")) == {"run": "r1", "attempt": 1}
    assert claimed_device(run.attempt(1)) == "cpu"
    assert claimed_device(run.attempt(2)) == ""


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "installed_gpus", lambda: [Gpu(0, "GPU-b"), Gpu(1, "GPU-a")])


@pytest.mark.usefixtures("two_gpus")
def test_a_claim_takes_several_devices_or_none(home, run):
    enqueue(run, device="auto")
    with held(home, "GPU-a") as first, held(home, "GPU-b") as second, held(home, "cpu") as other:
        assert claim(run, [first, other]) is None
        assert run.attempts() == []
        assert not first.path.with_suffix(".json").exists()
        assert claim(run, [first, second]) == 1
        for slot in (first, second):
            assert read_json(slot.path.with_suffix(".json")) == {"run": "r1", "attempt": 1}
    assert claimed_devices(run.attempt(1)) == ("GPU-a", "GPU-b")
    assert claimed_device(run.attempt(1)) == "GPU-a"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"device": "GPU-a", "slot": "GPU-a"}, ("GPU-a",)),
        ({"devices": ["GPU-a", "cuda:1"]}, ("GPU-a", "cuda:1")),
        ({"devices": []}, ()),
        ({"devices": ["cpu", "../../run1"]}, ()),
        ({}, ()),
    ],
)
def test_claims_of_earlier_versions_are_read_and_damaged_ones_are_not(run, content, names):
    run.attempt(1).path.mkdir()
    write_json(run.attempt(1).claim, content)
    assert claimed_devices(run.attempt(1)) == names


def test_of_several_claimants_one_succeeds(home, make_run, python, tmp_path):
    """They reach for each run in the same instant."""
    names = [f"r{number:02d}" for number in range(25)]
    for name in names:
        enqueue(make_run(name), device="cpu")
    claimants = []
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        claimants.append(python(CLAIM, home.root, tmp_path / str(number) / "cpu.lock"))
    for claimant in claimants:
        assert claimant.stdout.readline() == "ready\n"
    start = time.monotonic() + 0.1
    for claimant in claimants:
        print(start, file=claimant.stdin, flush=True)
    claimed = [word for claimant in claimants for word in claimant.stdout.read().split()]
    assert sorted(claimed) == names
