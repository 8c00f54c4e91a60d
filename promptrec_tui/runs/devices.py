"""Devices and their slots, named without torch. At most one run holds a slot at a time."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.home import Home
from promptrec_tui.runs.gpus import Gpu, find_gpu, installed_gpus, visible_gpus

HIDDEN = frozenset({"", "-1", "NoDevFiles"})


@dataclass(frozen=True)
class Device:
    """A device, which at most one run uses at a time."""

    name: str
    """Its name in a claim: "cpu", "mps", a GPU's UUID, or "cuda:N" where that is not known."""
    label: str
    """Its name in messages: "the CPU", "GPU 0"."""
    gpu: Gpu | None = None

    @property
    def slot(self) -> str:
        return slot_name(self.name)


def devices_for(
    setting: str, gpus: Sequence[Gpu] | None = None, environment: Mapping[str, str] = os.environ
) -> list[Device]:
    """The devices that a setting allows, in the order in which they are tried; `gpus` are looked up if None.

    "auto": every GPU that is visible, else the Apple GPU, else the CPU. "cuda:N" counts the visible ones.
    """
    if setting in ("cpu", "mps"):
        return [Device(setting, "the CPU" if setting == "cpu" else "the Apple GPU")]
    gpus = installed_gpus() if gpus is None else gpus
    if setting not in ("auto", "cuda") and not setting.startswith("cuda:"):
        gpu = find_gpu(gpus, setting)
        return [_device(gpu) if gpu else Device(setting, f"GPU {setting}")]
    visible = visible_gpus(gpus, environment)
    if setting != "auto":
        number = int(setting.removeprefix("cuda").removeprefix(":") or 0)
        if number < len(visible):
            return [_device(visible[number])]
        return [Device(f"cuda:{number}", f"GPU {number}")]
    if visible:
        return [_device(gpu) for gpu in visible]
    # Part of a GPU (MIG), or one that only torch knows of.
    if environment.get("CUDA_VISIBLE_DEVICES", "").strip() not in HIDDEN:
        return [Device("cuda:0", "GPU 0")]
    apple = (platform.system(), platform.machine()) == ("Darwin", "arm64")
    return devices_for("mps" if apple else "cpu")


def slot_name(device: str) -> str:
    """The slot of a device by its name: "cpu", "mps", "cuda-0", or a GPU's UUID."""
    return re.sub(r"[^0-9A-Za-z-]", "-", device)


def slot_path(home: Home, device: str) -> Path:
    """The lock file of a device's slot. Take it with `liveness.take_lock`."""
    return home.slots / f"{slot_name(device)}.lock"


def _device(gpu: Gpu) -> Device:
    return Device(gpu.uuid or f"cuda:{gpu.index}", f"GPU {gpu.index}", gpu)
