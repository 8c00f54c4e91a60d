"""Who has a device: the lock of its slot, and beside it the run that took it last."""

import re
from contextlib import ExitStack
from dataclasses import dataclass

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.devices import Device, slot_path
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Lock, lock_held, release, take_lock
from promptrec_tui.runs.queue import asked_entry, claimed_devices
from promptrec_tui.runs.spec import RUN_ID
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.typed import Count, read

LOOK_SECONDS = 2.0
"""How long to wait for a slot whose last run has ended: another dispatcher may hold it for a moment."""

HANDOVER_SECONDS = 60.0
"""How long a supervisor that inherits no lock waits for each slot that its dispatcher gives up for it."""


@dataclass(frozen=True)
class Taken:
    """A slot that is taken, and the run that has it where that is known."""

    folder: RunFolder | None
    failed: bool = False
    """That run has failed, and was queued with the wish that nothing starts after a failure."""


@dataclass(frozen=True)
class LastRun:
    """What lies beside a slot's lock."""

    run: str
    attempt: Count


def take_slot(home: Home, device: Device) -> Lock | Taken:
    """The lock of a free slot, or who has it.

    A run may live without the slot's lock for a moment, while its supervisor takes that over. The supervisor
    has the run's own lock by then, so the lock of the slot's last run is looked at too.
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
    """Whether a run has failed that was queued with the wish that nothing starts after a failure."""
    asked = asked_entry(folder)
    return (
        asked is not None
        and not asked.continue_after_failure
        and asked.attempt == folder.last_attempt
        and run_status(folder).state == State.FAILED
    )


def own_locks(folder: RunFolder, attempt: int) -> list[Lock]:
    """The locks of a run and of the slots that it was claimed for, for a supervisor that inherits none.

    The run's comes first: it tells the dispatcher that it may give the slots up. They follow in the order of
    their names, all of them or none. Raises UserError when another process has one of them.
    """
    own = take_lock(folder.lock)
    if own is None:
        raise UserError(f"A process of run {folder.id} still lives.")
    place = folder.attempt(attempt)
    if not place.claim.exists():
        return [own]
    locks = [own]
    with ExitStack() as failed:
        failed.callback(release, locks)
        devices = claimed_devices(place)
        if not devices:
            raise UserError(f"{place.claim} is damaged: resume the run.")
        for path in sorted(slot_path(folder.home, device) for device in devices):
            slot = take_lock(path, HANDOVER_SECONDS)
            if slot is None:
                raise UserError(f"A device of run {folder.id} was given to another run meanwhile: resume it.")
            locks.append(slot)
        failed.pop_all()
    return locks


def _last_run(home: Home, device: Device) -> RunFolder | None:
    """The run whose last attempt was the last on a device."""
    last = read(LastRun, slot_path(home, device.name).with_suffix(".json"))
    if last is None or not re.fullmatch(RUN_ID, last.run):
        return None
    folder = RunFolder(home.runs / last.run)
    return folder if folder.last_attempt == last.attempt else None
