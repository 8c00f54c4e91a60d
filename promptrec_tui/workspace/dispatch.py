"""The dispatcher: gives free devices to the next runs, and notes what the others wait for."""

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
from promptrec_tui.runs.launchers import Launcher, choose_launcher, launch_best
from promptrec_tui.runs.liveness import Lock, release
from promptrec_tui.runs.queue import Entry, claim, note_reason, queued
from promptrec_tui.runs.slots import Taken, take_slot
from promptrec_tui.runs.states import State


def dispatch(home: Home) -> list[str]:
    """Start every queued run whose devices are free; returns their ids. Many processes may do this at once.

    A run that waits for a taken device gets it before those behind; one that waits for room on a GPU lets
    smaller ones go first. The catalogue is not needed: the queue moves on while it is busy, full or damaged.
    """
    entries = [entry for entry in queued(home) if not entry.hold]
    gpus = installed_gpus() if entries else []
    ahead: dict[str, str] = {}
    started = []
    for entry in entries:
        reasons: list[str] = []
        try:
            devices = devices_for(entry.device, gpus)
            if _start(entry, devices, choose_launcher(), ahead, reasons):
                started.append(entry.folder.id)
                continue
        except (OSError, ValueError, UserError) as error:
            # One unusable folder must not block the other runs.
            reasons.append(f"cannot be started: {error}")
        with suppress(OSError, UserError):
            note_reason(entry, "; ".join(dict.fromkeys(reasons)))
    return started


def _start(
    entry: Entry,
    devices: Sequence[Device],
    launcher: Launcher,
    ahead: dict[str, str],
    reasons: list[str],
) -> bool:
    """Start a run on the first of its devices that are free and have room; else say why the others are not.

    It gets as many as its launcher takes, or none. `ahead` has, by slot, the name of the last run that waits
    for it to be free.
    """
    folder, home = entry.folder, entry.folder.home
    if launcher.alive(folder.attempt(folder.last_attempt)):
        reasons.append("waits for the end of its last attempt")
        return False
    if launcher.slots > 1:
        # In one order for all, so that two runs do not keep half of what both need from each other.
        devices = sorted(devices, key=lambda device: device.slot)
    slots: list[Lock] = []
    waits_for = []
    try:
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
                continue
            slots.append(slot)
            if full := _full(entry, device):
                reasons.append(f"waits for {device.label}: {full}")
                slots.pop().release()
            elif len(slots) == launcher.slots:
                taken, slots = slots, []
                if _claim_and_launch(folder, launcher, taken, reasons):
                    return True
    finally:
        release(slots)
    if launcher.slots > 1:
        reasons.append(f"needs {launcher.slots} devices at once")
    if waits_for:
        # A run behind that needs fewer devices would otherwise take the free ones, again and again.
        waits_for += [slot.path.stem for slot in slots]
    ahead.update(dict.fromkeys(waits_for, _name(folder)))
    return False


def _claim_and_launch(
    folder: RunFolder, launcher: Launcher, slots: Sequence[Lock], reasons: list[str]
) -> bool:
    """Claim a run for the devices of `slots` and launch it; False when it is not to be had. Gives them up."""
    try:
        number = claim(folder, slots)
    except (OSError, UserError) as error:
        reasons.append(f"cannot be started: {error}")
        number = None
    if number is None:
        release(slots)
        return False
    attempt = folder.attempt(number)
    try:
        launch_best(launcher, attempt, slots)
    except UserError as error:
        verdict = {"code": None, "signal": None, "time": time.time(), "state": State.INTERRUPTED}
        write_json(attempt.exit, {**verdict, "reason": str(error)})
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
