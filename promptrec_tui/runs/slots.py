"""Who has a device: the lock of its slot, and beside it the name of the run that took it last."""

import re
from dataclasses import dataclass

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.devices import Device, slot_path
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Lock, lock_held, take_lock
from promptrec_tui.runs.queue import asked_entry, read_claim
from promptrec_tui.runs.spec import RUN_ID
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.typed import Count, read

LOOK_SECONDS = 2.0
"""How long a slot is waited for whose last run has ended: another dispatcher may just be looking at it."""

HANDOVER_SECONDS = 60.0
"""How long a supervisor that inherits no lock waits for the slot that its dispatcher gives up for it."""


@dataclass(frozen=True)
class Taken:
    """A slot that cannot be had, and the run that has it where that is known."""

    folder: RunFolder | None
    failed: bool = False
    """That run has failed, and asked that nothing be started after it."""


@dataclass(frozen=True)
class LastRun:
    """What lies beside a slot's lock."""

    run: str
    attempt: Count


def take_slot(home: Home, device: Device) -> Lock | Taken:
    """The lock of a free slot, or who has it.

    A run may live without the lock: for the moment in which its supervisor takes it over. So the run that was
    there last is asked too, and its lock is held before the dispatcher gives the slot's up.
    """
    if (last := _last_run(home, device)) and lock_held(last.lock):
        return Taken(last)
    lock = take_lock(slot_path(home, device.name), LOOK_SECONDS)
    last = _last_run(home, device)
    if lock is None:
        return Taken(last if last and lock_held(last.lock) else None)
    if last and (lock_held(last.lock) or holds_queue(last)):
        lock.release()
        return Taken(last, failed=holds_queue(last))
    return lock


def holds_queue(folder: RunFolder) -> bool:
    """Whether a run has failed of which it was asked that nothing be started after it."""
    asked = asked_entry(folder)
    return (
        asked is not None
        and not asked.continue_after_failure
        and asked.attempt == folder.last_attempt
        and run_status(folder).state == State.FAILED
    )


def own_locks(folder: RunFolder, attempt: int) -> list[Lock]:
    """The lock of a run and of the slot that it was claimed for, for a supervisor that inherits none.

    The run's comes first: by it the dispatcher sees that it may give the slot up.
    Raises UserError when another process has one of them.
    """
    own = take_lock(folder.lock)
    if own is None:
        raise UserError(f"A process of run {folder.id} still lives.")
    place = folder.attempt(attempt)
    if not place.claim.exists():
        return [own]
    if (claim := read_claim(place)) is None:
        own.release()
        raise UserError(f"{place.claim} is damaged: resume the run.")
    slot = take_lock(folder.home.slots / f"{claim.slot}.lock", HANDOVER_SECONDS)
    if slot is None:
        own.release()
        raise UserError(f"The device of run {folder.id} was given to another run meanwhile.")
    return [own, slot]


def _last_run(home: Home, device: Device) -> RunFolder | None:
    """The run whose last attempt was the last on a device."""
    last = read(LastRun, slot_path(home, device.name).with_suffix(".json"))
    if last is None or not re.fullmatch(RUN_ID, last.run):
        return None
    folder = RunFolder(home.runs / last.run)
    return folder if folder.last_attempt == last.attempt else None
