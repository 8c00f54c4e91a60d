"""The queue, which lies in the run folders, and the claim that takes a run out of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, sync_folder, write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.devices import slot_name
from promptrec_tui.runs.folder import RunFolder, run_folders
from promptrec_tui.runs.liveness import Lock, lock_held, take_lock

BUSY = 10.0
"""Seconds to wait for somebody who is asking for, claiming or withdrawing the same run."""


@dataclass(frozen=True)
class Entry:
    """What `queue.json` asks for."""

    folder: RunFolder
    attempt: int
    position: float
    priority: int
    hold: bool
    device: str
    continue_after_failure: bool


def enqueue(
    folder: RunFolder,
    position: float | None = None,
    priority: int = 0,
    hold: bool = False,
    device: str = "auto",
    continue_after_failure: bool = True,
) -> Entry:
    """Ask for the next attempt of a run: its first, or, to resume, one more than it had.

    Without a `position` the run goes behind all others; one that waits already keeps its place.
    """
    with _alone(folder):
        if position is None:
            waiting = queued(folder.home)
            mine = [entry.position for entry in waiting if entry.folder == folder]
            position = mine[0] if mine else max((entry.position for entry in waiting), default=0) + 1
        entry = Entry(
            folder, folder.last_attempt + 1, position, priority, hold, device, continue_after_failure
        )
        value = {key: value for key, value in vars(entry).items() if key != "folder"}
        write_json(folder.queue_file, value)
    return entry


def withdraw(folder: RunFolder) -> bool:
    """Take a waiting run out of the queue; False when it was not waiting, or is claimed already."""
    with _alone(folder):
        if queue_entry(folder) is None:
            return False
        folder.queue_file.unlink()
        sync_folder(folder.path)
        return True


def queue_entry(folder: RunFolder) -> Entry | None:
    """The attempt that a run waits for; None when it does not wait."""
    try:
        value: dict[str, Any] = read_json(folder.queue_file)
        entry = Entry(folder, **value)
        return entry if entry.attempt > folder.last_attempt else None
    except (OSError, ValueError, TypeError):
        return None


def queued(home: Home) -> list[Entry]:
    """Every waiting run, held ones too, in the order in which they go: priority, position, id."""
    entries = [entry for folder in run_folders(home) if (entry := queue_entry(folder))]
    return sorted(entries, key=lambda entry: (-entry.priority, entry.position, entry.folder.id))


def claim(folder: RunFolder, slot: Lock) -> int | None:
    """Take a waiting run for the device whose `slot` lock the caller holds; answers the attempt's number.

    None when the run does not wait (any more), is held, wants another device, or a process of an earlier
    attempt still lives. Making the attempt's folder is the claim: of several claimants one succeeds.
    """
    with _alone(folder):
        entry = queue_entry(folder)
        if entry is None or entry.hold or slot_name(entry.device) != slot.path.stem or lock_held(folder.lock):
            return None
        attempt = folder.attempt(entry.attempt)
        try:
            attempt.path.mkdir(mode=0o700)
        except FileExistsError:
            return None
        write_json(attempt.claim, {"device": entry.device, "slot": slot.path.stem})
        sync_folder(attempt.path.parent)
        return entry.attempt


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    lock = take_lock(folder.queue_lock, BUSY)
    if lock is None:
        raise UserError(f"Run {folder.id} is being queued or started by another process: try again.")
    try:
        yield
    finally:
        lock.release()
