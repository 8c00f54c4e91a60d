"""A GPU for a process that only queries a model (scorer, trials), until a run needs it. Not for CPUs."""

import os
import threading
import time

from promptrec_tui.home import Home
from promptrec_tui.runs.devices import devices_for
from promptrec_tui.runs.gpus import installed_gpus
from promptrec_tui.runs.launchers import spawn_dispatch
from promptrec_tui.runs.liveness import Lock
from promptrec_tui.runs.queue import queued
from promptrec_tui.runs.slots import take_slot
from promptrec_tui.runs.spec import RunSettings
from promptrec_tui.tuning.devices import prepare

POLL_SECONDS = 2.0


def borrow(home: Home, settings: RunSettings) -> tuple[str, Lock | None]:
    """Set up this process for the first free device of the settings, or for the CPU if none is free.

    Call it before torch is imported. Returns the device setting as this process sees it, and the lock of the
    device's slot; None for the CPU.
    """
    for device in devices_for(settings.device):
        if device.name == "cpu":
            break
        slot = take_slot(home, device)
        if isinstance(slot, Lock):
            return prepare(settings, claimed=device.name), slot
    return prepare(settings.model_copy(update={"device": "cpu"})), None


def leave_when_wanted(home: Home, slot: Lock, busy: threading.Lock) -> None:
    """End this process when a run waits for its device, but not during an answer (`busy` is held)."""

    def wait() -> None:
        while not wanted(home, slot):
            time.sleep(POLL_SECONDS)
        busy.acquire()
        slot.release()
        spawn_dispatch(home)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def wanted(home: Home, slot: Lock) -> bool:
    """Whether a run waits for the device of a slot; runs on hold do not count."""
    entries = [entry for entry in queued(home) if not entry.hold]
    gpus = installed_gpus() if entries else []
    return any(
        device.slot == slot.path.stem for entry in entries for device in devices_for(entry.device, gpus)
    )
