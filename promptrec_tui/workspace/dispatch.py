"""The dispatcher: gives each free device its next run, and records why the other runs wait."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.home import Home, find_home
from promptrec_tui.runs.devices import Device, devices_for
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.gpus import crowded, installed_gpus, memory_needed
from promptrec_tui.runs.launchers import launch_best
from promptrec_tui.runs.liveness import Lock, lock_held
from promptrec_tui.runs.queue import Entry, claim, note_reason, queued
from promptrec_tui.runs.slots import Taken, take_slot
from promptrec_tui.runs.states import State


def dispatch(home: Home) -> list[str]:
    """Start every queued run whose device is free; returns their ids. Many processes may do this at once.

    A run that waits for a busy device keeps its place before later runs; a run that waits for GPU memory lets
    smaller ones pass. The catalogue is not needed: runs start while it is busy, full or damaged.
    """
    entries = [entry for entry in queued(home) if not entry.hold]
    gpus = installed_gpus() if entries else []
    ahead: dict[str, str] = {}
    started = []
    for entry in entries:
        reasons: list[str] = []
        try:
            if _start(entry, devices_for(entry.device, gpus), ahead, reasons):
                started.append(entry.folder.id)
                continue
        except (OSError, ValueError, UserError) as error:
            # One unusable folder must not block the other runs.
            reasons.append(f"cannot be started: {error}")
        with suppress(OSError, UserError):
            note_reason(entry, "; ".join(dict.fromkeys(reasons)))
    return started


def _start(entry: Entry, devices: Sequence[Device], ahead: dict[str, str], reasons: list[str]) -> bool:
    """Start a run on the first of its devices that is free and has room; else record why none can be used.

    `ahead`: for each slot, the name of the last run that waits for it.
    """
    home = entry.folder.home
    if lock_held(entry.folder.lock):
        reasons.append("waits for the end of its last attempt")
        return False
    waits_for = []
    for device in devices:
        if device.slot in ahead:
            reasons.append(f"waits behind run {ahead[device.slot]}")
            waits_for.append(device.slot)
            continue
        slot = take_slot(home, device)
        if isinstance(slot, Taken):
            reasons.append(_told(slot, device))
            if not slot.failed:
                waits_for.append(device.slot)
        elif full := _full(entry, device):
            reasons.append(f"waits for {device.label}: {full}")
            slot.release()
        elif _claim_and_launch(entry.folder, slot, reasons):
            return True
    ahead.update(dict.fromkeys(waits_for, _name(entry.folder)))
    return False


def _claim_and_launch(folder: RunFolder, slot: Lock, reasons: list[str]) -> bool:
    try:
        attempt = claim(folder, slot)
    except (OSError, UserError) as error:
        reasons.append(f"cannot be started: {error}")
        attempt = None
    if attempt is None:
        slot.release()
        return False
    try:
        launch_best(folder.home, folder, attempt, slot)
    except UserError as error:
        verdict = {"code": None, "signal": None, "time": time.time(), "state": State.INTERRUPTED}
        write_json(folder.attempt(attempt).exit, {**verdict, "reason": str(error)})
    return True


def _told(taken: Taken, device: Device) -> str:
    if taken.folder is None:
        return f"waits for {device.label}, which another program holds"
    name = _name(taken.folder)
    if taken.failed:
        way = f"'promptrec run release {taken.folder.id}' lets it go on"
        return f"waits: run {name} failed and holds the queue; {way}"
    return f"waits for run {name} on {device.label}"


def _full(entry: Entry, device: Device) -> str:
    if device.gpu is None or not device.gpu.total:
        return ""
    try:
        spec = read_json(entry.folder.spec_file)
        needed = memory_needed(
            Path(spec["model"]["folder"]), spec["settings"]["train"]["precision"], spec["settings"]["tuning"]
        )
        return crowded(device.gpu, needed)
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the trainer reports what is wrong with the run


def _name(folder: RunFolder) -> str:
    try:
        return str(read_json(folder.spec_file)["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.id


if __name__ == "__main__":
    os.umask(0o077)
    # Not created: a home that was moved while an app is open must not come back empty.
    if (home := find_home()).root.is_dir():
        dispatch(home)
