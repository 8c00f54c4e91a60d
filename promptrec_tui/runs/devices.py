"""Devices and their slots. One run at a time holds a slot; no torch is needed to name it."""

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from promptrec_tui.home import Home

NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")
HIDDEN = frozenset({"", "-1", "NoDevFiles"})


def auto_device(environment: Mapping[str, str] = os.environ, gpus: Path = NVIDIA_GPUS) -> str:
    """The device that "auto" most likely means: "cuda:0" when an NVIDIA GPU is visible, "mps", or "cpu".

    It names the slot only. The trainer, which has torch, chooses for itself.
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    there = gpus.is_dir() and any(gpus.iterdir())
    if there if visible is None else visible.strip() not in HIDDEN:
        return "cuda:0"
    return "mps" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "cpu"


def slot_name(device: str) -> str:
    """The slot of a device setting: "cpu", "mps", "cuda-0", or a GPU's UUID."""
    device = auto_device() if device == "auto" else "cuda:0" if device == "cuda" else device
    return re.sub(r"[^0-9A-Za-z-]", "-", device)


def slot_path(home: Home, device: str) -> Path:
    """The lock file of a device's slot. Take it with `liveness.take_lock`."""
    return home.slots / f"{slot_name(device)}.lock"
