"""The queue, which is kept in the run folders, and the claim that takes a run out of it.

A run that waits has a `queue.json`; the claim moves it into the attempt's folder as `asked.json`. So the runs
that wait are found by that name, without reading the many that have ended.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import sync_folder, write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.devices import devices_for
from promptrec_tui.runs.folder import AttemptFolder, RunFolder
from promptrec_tui.runs.liveness import NO_FILE, Lock, lock_held, take_lock
from promptrec_tui.runs.spec import DEVICE
from promptrec_tui.typed import Count, read

ASKED = "asked.json"

BUSY = 10.0
"""Seconds to wait for another process that is queuing, claiming or withdrawing the same run."""


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
    """False: should this attempt fail, nothing else starts on its device."""
    reason: str = ""
    """Why it still waits, as the last dispatch found; any change of the entry clears it."""
    evaluate: bool = False
    """True: the attempt trains no further, it only measures the adapter that there is."""


def enqueue(
    folder: RunFolder,
    position: float | None = None,
    priority: int | None = None,
    hold: bool = False,
    device: str = "auto",
    continue_after_failure: bool | None = None,
    after: int | None = None,
    evaluate: bool = False,
) -> Entry:
    """Ask for the next attempt of a run: its first, or, to resume, one more than it had.

    Without a `position` the run goes behind all others; one that waits already keeps its place. A priority or
    `continue_after_failure` of None stays as in the last request; at first they are 0 and True. `after` is
    the last attempt that the caller knows of: UserError is raised when the run was queued or started since.
    """
    with alone(folder):
        if after is not None and (folder.last_attempt != after or queue_entry(folder)):
            raise UserError(f"Run {folder.id} was started elsewhere a moment ago.")
        before = asked_entry(folder)
        if position is None:
            waiting = queued(folder.home)
            mine = [entry.position for entry in waiting if entry.folder == folder]
            position = mine[0] if mine else max((entry.position for entry in waiting), default=0) + 1
        if priority is None:
            priority = before.priority if before else 0
        if continue_after_failure is None:
            continue_after_failure = before.continue_after_failure if before else True
        attempt = folder.last_attempt + 1
        entry = Entry(
            folder,
            attempt,
            position,
            priority,
            hold,
            device,
            continue_after_failure,
            evaluate=evaluate,
        )
        _write(folder.queue_file, entry)
    return entry


def change(folder: RunFolder, claimed_too: bool = False, **changes: Any) -> bool:
    """Change what a waiting run asks for; False when it does not wait, or was claimed this moment.

    With `claimed_too` that does not matter: what was asked of the last attempt may still be read.
    """
    with alone(folder):
        entry = asked_entry(folder) if claimed_too else queue_entry(folder)
        if entry is None:
            return False
        _write(_asked_file(folder), replace(entry, reason="", **changes))
        return True


def note_reason(entry: Entry, reason: str) -> None:
    """Note why an entry waits, unless another process is changing it. Raises OSError."""
    if reason == entry.reason or (lock := take_lock(entry.folder.queue_lock)) is None:
        return
    try:
        if queue_entry(entry.folder) == entry:
            _write(entry.folder.queue_file, replace(entry, reason=reason))
    finally:
        lock.release()


def withdraw(folder: RunFolder) -> bool:
    """Take a waiting run out of the queue; False when it was not waiting, or is claimed already."""
    with alone(folder):
        if queue_entry(folder) is None:
            return False
        folder.queue_file.unlink()
        sync_folder(folder.path)
        return True


def asked_entry(folder: RunFolder) -> Entry | None:
    """What was asked for last, whether it waits or was claimed; None when nothing was, or it is damaged."""
    return _read(folder, _asked_file(folder))


def queue_entry(folder: RunFolder) -> Entry | None:
    """The attempt that a run waits for; None when it does not wait."""
    entry = _read(folder, folder.queue_file)
    return entry if entry and entry.attempt > folder.last_attempt else None


def queued(home: Home) -> list[Entry]:
    """Every waiting run, held ones too, in the order in which they go: priority, position, id.

    A run whose folder cannot be read does not wait.
    """
    entries = []
    for path in home.runs.glob("[!.]*/queue.json"):
        folder = RunFolder(path.parent)
        with suppress(OSError):
            if folder.spec_file.is_file() and (entry := queue_entry(folder)):
                entries.append(entry)
    return in_order(entries)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Entries in the order in which they go."""
    return sorted(entries, key=lambda entry: (-entry.priority, entry.position, entry.folder.id))


def claim(folder: RunFolder, slots: Sequence[Lock]) -> int | None:
    """Take a waiting run for the devices whose `slots` the caller holds; returns the attempt's number.

    None when the run does not wait (any more), is held, does not allow one of the devices, or a process of an
    earlier attempt still lives. Making the attempt's folder is the claim: of several claimants one succeeds.
    The attempt is recorded beside each slot's lock. Raises OSError when the disk is full; the run then waits
    as before.
    """
    with alone(folder):
        entry = queue_entry(folder)
        if entry is None or entry.hold or lock_held(folder.lock):
            return None
        allowed = {device.slot: device.name for device in devices_for(entry.device)}
        names = [slot.path.stem for slot in slots]
        if not allowed.keys() >= set(names):
            return None
        attempt = folder.attempt(entry.attempt)
        try:
            attempt.path.mkdir(mode=0o700)
        except FileExistsError:
            return None
        try:
            write_json(attempt.claim, {"devices": [allowed[name] for name in names]})
            for slot in slots:
                write_json(slot.path.with_suffix(".json"), {"run": folder.id, "attempt": entry.attempt})
            folder.queue_file.rename(attempt.path / ASKED)
        except OSError:
            shutil.rmtree(attempt.path, ignore_errors=True)
            raise
        for changed in (attempt.path, attempt.path.parent, folder.path):
            sync_folder(changed)
        return entry.attempt


@dataclass(frozen=True)
class Claim:
    """`claim.json`: the devices that an attempt was claimed for, at least one."""

    devices: tuple[str, ...] = ()
    device: str = ""
    """The only device, in files of earlier versions."""

    def __post_init__(self) -> None:
        if not self.devices:
            object.__setattr__(self, "devices", (self.device,))
        for name in self.devices:
            if not re.fullmatch(r"[0-9A-Za-z:/-]{1,99}", name):
                raise ValueError(f"{name[:40]!r} is no device")


def claimed_devices(attempt: AttemptFolder) -> tuple[str, ...]:
    """The devices that an attempt was claimed for; none when its claim is missing or damaged."""
    claim = read(Claim, attempt.claim)
    return claim.devices if claim else ()


def claimed_device(attempt: AttemptFolder) -> str:
    """The first of them, or ""."""
    return next(iter(claimed_devices(attempt)), "")


def asks_to_evaluate(attempt: AttemptFolder) -> bool:
    """Whether a claimed attempt was asked to evaluate the run's adapter and to train no further."""
    asked = read(AskedFile, attempt.path / ASKED)
    return bool(asked and asked.evaluate)


def _asked_file(folder: RunFolder) -> Path:
    waits = folder.queue_file
    return waits if waits.exists() else folder.attempt(folder.last_attempt).path / ASKED


@dataclass(frozen=True)
class AskedFile:
    """What `queue.json`, or `asked.json` of a claimed attempt, says."""

    attempt: Count
    position: float
    priority: int
    hold: bool
    device: str
    continue_after_failure: bool
    reason: str = ""
    evaluate: bool = False

    def __post_init__(self) -> None:
        if not self.attempt:
            raise ValueError("attempt is 0")
        if not re.fullmatch(DEVICE, self.device):
            raise ValueError(f"device is {self.device[:40]!r}, which is none")


def _read(folder: RunFolder, path: Path) -> Entry | None:
    asked = read(AskedFile, path)
    return Entry(folder, **vars(asked)) if asked else None


def _write(path: Path, entry: Entry) -> None:
    try:
        write_json(path, {key: value for key, value in vars(entry).items() if key != "folder"})
    except IsADirectoryError:
        raise UserError(f"{path} is a folder: delete it, then ask again.") from None


@contextmanager
def alone(folder: RunFolder) -> Iterator[None]:
    """Keep other processes from queuing, claiming or withdrawing the run.

    Raises UserError when another process does so for more than `BUSY` seconds.
    """
    try:
        lock = take_lock(folder.queue_lock, BUSY)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise UserError(f"{folder.queue_lock} cannot be used as a lock ({error.strerror}).") from None
    if lock is None:
        raise UserError(f"Run {folder.id} is being queued or started by another process: try again.")
    try:
        yield
    finally:
        lock.release()
