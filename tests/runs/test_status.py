"""What the folder says of a run, and that it never says something impossible."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs import status as module
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import FinishedEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import boottime, take_lock, write_heartbeat
from promptrec_tui.runs.queue import claim, enqueue, withdraw
from promptrec_tui.runs.requests import request
from promptrec_tui.runs.states import ACTIVE, RESUMABLE, TERMINAL, TRANSITIONS, State
from promptrec_tui.runs.status import run_status


def test_the_table_is_whole():
    assert set(TRANSITIONS) == set(State)
    reached = {State.DRAFT}.union(*TRANSITIONS.values())
    assert reached == set(State)
    assert ACTIVE | TERMINAL | {State.DRAFT, State.QUEUED} == set(State)
    assert not ACTIVE & TERMINAL
    assert all(State.QUEUED in TRANSITIONS[state] for state in RESUMABLE)


@pytest.fixture
def attempt(run):
    """A first attempt that is claimed, started and holds its lock."""
    run.attempt(1).path.mkdir()
    write_json(run.attempt(1).started, {})
    lock = take_lock(run.lock)
    yield run.attempt(1)
    lock.release()


@pytest.mark.parametrize(
    ("commands", "state"),
    [
        (["checkpoint"], State.RUNNING),
        (["pause"], State.PAUSING),
        (["stop"], State.STOPPING),
        (["kill"], State.STOPPING),
        (["stop", "pause"], State.STOPPING),
    ],
)
def test_what_was_asked_shows_until_the_attempt_ends(run, attempt, commands, state):
    for command in commands:
        request(run, command)
    assert run_status(run).state == state


def test_a_live_trainer_that_does_not_get_on_is_stalled(run, attempt):
    assert not run_status(run).stalled
    write_heartbeat(run, 1, "training", 3, boottime())
    assert run_status(run) == module.Status(State.RUNNING, "", 1, False)
    write_heartbeat(run, 1, "training", 3, boottime() - module.STUCK_SECONDS - 1)
    assert run_status(run) == module.Status(State.RUNNING, "", 1, True)
    write_heartbeat(run, 7, "training", 3, 0.0)
    assert not run_status(run).stalled


def test_a_stopped_heart_is_stalled(run, attempt, monkeypatch):
    write_heartbeat(run, 1, "training", 3, boottime())
    later = boottime() + module.SILENT_SECONDS + 1
    monkeypatch.setattr(module, "boottime", lambda: later)
    assert run_status(run).stalled
    monkeypatch.setattr(module, "boot_id", lambda: "the boot after")
    assert not run_status(run).stalled


def test_a_claim_has_thirty_seconds(run):
    run.attempt(1).path.mkdir()
    assert run_status(run).state == State.STARTING
    long_ago = time.time() - module.CLAIM_SECONDS - 1
    os.utime(run.attempt(1).path, (long_ago, long_ago))
    assert run_status(run) == module.Status(State.INTERRUPTED, "Attempt 1 never started.", 1)


def test_the_trainers_last_word_counts_when_its_supervisor_is_gone(run):
    run.attempt(1).path.mkdir()
    write_json(run.attempt(1).started, {})
    assert run_status(run).state == State.INTERRUPTED
    with EventLog(run, 1) as log:
        log.write(FinishedEvent(state=State.DONE, reason=None, step=9))
    assert run_status(run) == module.Status(State.DONE, "", 1)


def test_a_run_that_is_claimed_between_the_reads_has_not_ended(home, run, monkeypatch):
    run.attempt(1).path.mkdir()
    write_json(run.attempt(1).exit, {"state": "interrupted", "reason": "killed"})
    enqueue(run, device="cpu", after=1)
    slot = take_lock(slot_path(home, "cpu"))
    monkeypatch.setattr(module, "queue_entry", lambda folder: claim(folder, [slot]) and None)
    assert run_status(run) == module.Status(State.STARTING, "", 2)
    slot.release()


def test_a_run_that_begins_between_the_reads_has_not_ended(run, monkeypatch):
    run.attempt(1).path.mkdir()
    locks = []

    def begin(folder):
        locks.append(take_lock(run.lock))
        write_json(run.attempt(1).started, {})

    monkeypatch.setattr(module, "queue_entry", begin)
    assert run_status(run) == module.Status(State.RUNNING, "", 1)
    locks[0].release()


@pytest.mark.parametrize("content", ["", "{}", '{"state": "flying", "reason": ""}'])
def test_a_damaged_verdict_is_none(run, content):
    run.attempt(1).path.mkdir()
    write_json(run.attempt(1).started, {})
    run.attempt(1).exit.write_text(content)
    assert run_status(run).state == State.INTERRUPTED


class Life(RuleBasedStateMachine):
    """Everything that people, dispatchers, supervisors, trainers and power cuts do to a run folder."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Home(Path(tempfile.mkdtemp())).create()
        self.run = RunFolder(self.home.runs / "r1")
        for place in (self.run.path, self.run.path / "attempts"):
            place.mkdir()
        self.run.spec_file.write_text("{}")
        self.lock = None
        self.state = State.DRAFT

    def teardown(self) -> None:
        if self.lock:
            self.lock.release()
        shutil.rmtree(self.home.root)

    @property
    def attempt(self):
        return self.run.attempt(self.run.last_attempt)

    @precondition(lambda self: self.state in RESUMABLE | {State.DRAFT, State.QUEUED})
    @rule(hold=st.booleans())
    def ask(self, hold):
        enqueue(self.run, device="cpu", hold=hold)
        assert run_status(self.run).state == State.QUEUED

    @rule()
    def take_back(self):
        assert withdraw(self.run) == (self.state == State.QUEUED)

    @rule()
    def dispatch(self):
        slot = take_lock(slot_path(self.home, "cpu"))
        claimed = claim(self.run, [slot])
        slot.release()
        assert claimed is None or self.state == State.QUEUED

    @precondition(lambda self: self.state == State.STARTING and not self.lock)
    @rule(comes=st.booleans())
    def launch(self, comes):
        if comes:
            self.lock = take_lock(self.run.lock)
        else:
            os.utime(self.attempt.path, (0, 0))

    @precondition(lambda self: self.lock)
    @rule()
    def begin(self):
        write_json(self.attempt.started, {})

    @precondition(lambda self: self.state in ACTIVE)
    @rule(command=st.sampled_from(["pause", "stop", "checkpoint", "kill"]))
    def order(self, command):
        request(self.run, command)

    @precondition(lambda self: self.lock and self.attempt.started.exists())
    @rule(other=st.sampled_from(["done", "failed"]), verdict=st.booleans())
    def end(self, other, verdict):
        state = {State.PAUSING: "paused", State.STOPPING: "stopped"}.get(self.state, other)
        if verdict:
            write_json(self.attempt.exit, {"state": state, "reason": "so it was"})
        else:
            with EventLog(self.run, self.attempt.number) as log:
                log.write(FinishedEvent(state=State(state), reason="so it was", step=1))
        self.lock.release()
        self.lock = None
        assert run_status(self.run).state == state

    @precondition(lambda self: self.lock)
    @rule()
    def power_cut(self):
        self.lock.release()
        self.lock = None
        os.utime(self.attempt.path, (0, 0))
        assert run_status(self.run).state == State.INTERRUPTED

    @invariant()
    def only_lawful_steps(self):
        now = run_status(self.run).state
        assert now == self.state or now in TRANSITIONS[self.state], f"{self.state} became {now}"
        assert now in ACTIVE or not self.lock
        self.state = now


Life.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLife = Life.TestCase
