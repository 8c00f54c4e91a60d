import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.runs import slots
from promptrec_tui.runs.devices import devices_for, slot_path
from promptrec_tui.runs.liveness import Lock, lock_held, release, take_lock
from promptrec_tui.runs.queue import claim, enqueue
from promptrec_tui.runs.slots import Taken, own_locks, take_slot

CPU = devices_for("cpu")[0]


@pytest.fixture
def claimed(home, run):
    """A run whose attempt is claimed, and the slot, which is still held."""
    enqueue(run, device="cpu")
    slot = take_lock(slot_path(home, "cpu"))
    assert claim(run, [slot]) == 1
    return run, slot


def test_a_free_slot_is_had(home):
    slot = take_slot(home, CPU)
    assert isinstance(slot, Lock)
    slot.release()


def test_a_held_slot_is_not_and_its_run_is_named_once_it_lives(home, claimed, monkeypatch):
    monkeypatch.setattr(slots, "LOOK_SECONDS", 0)
    run, slot = claimed
    assert take_slot(home, CPU) == Taken(None)
    own = take_lock(run.lock)
    assert take_slot(home, CPU) == Taken(run)
    slot.release()
    assert take_slot(home, CPU) == Taken(run)
    assert not lock_held(slot.path)
    own.release()
    take_slot(home, CPU).release()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"run": 1, "attempt": 1}', '{"run": "r9", "attempt": 1}']
)
def test_a_damaged_or_old_name_beside_a_slot_is_nobodys(home, content):
    slot_path(home, "cpu").with_suffix(".json").write_text(content)
    take_slot(home, CPU).release()


def test_a_supervisor_takes_both_locks_when_the_slot_is_given_up(claimed):
    run, slot = claimed
    slot.release()
    locks = own_locks(run, 1)
    assert [lock.path for lock in locks] == [run.lock, slot.path]
    assert lock_held(run.lock)
    assert lock_held(slot.path)
    for lock in locks:
        lock.release()


def test_a_supervisor_leaves_when_another_run_has_its_slot(claimed, monkeypatch):
    monkeypatch.setattr(slots, "HANDOVER_SECONDS", 0)
    run, slot = claimed
    with pytest.raises(UserError, match="given to another run"):
        own_locks(run, 1)
    assert not lock_held(run.lock)
    slot.release()


def test_a_supervisor_takes_all_of_several_slots_or_none(home, run, monkeypatch):
    monkeypatch.setattr(slots, "HANDOVER_SECONDS", 0)
    run.attempt(1).path.mkdir()
    write_json(run.attempt(1).claim, {"devices": ["GPU-b", "GPU-a"]})
    first, second = slot_path(home, "GPU-a"), slot_path(home, "GPU-b")
    other = take_lock(second)
    with pytest.raises(UserError, match="given to another run"):
        own_locks(run, 1)
    assert not lock_held(run.lock)
    assert not lock_held(first)
    other.release()
    locks = own_locks(run, 1)
    assert [lock.path for lock in locks] == [run.lock, first, second], "in one order for every run"
    release(locks)


def test_a_supervisor_leaves_when_its_claim_is_damaged(run):
    run.attempt(1).path.mkdir()
    run.attempt(1).claim.write_text("{}")
    with pytest.raises(UserError, match="damaged: resume the run"):
        own_locks(run, 1)
    assert not lock_held(run.lock)


def test_a_supervisor_leaves_when_the_run_lives(claimed):
    run, slot = claimed
    survivor = take_lock(run.lock)
    with pytest.raises(UserError, match="still lives"):
        own_locks(run, 1)
    survivor.release()
    slot.release()
