"""What "bit for bit the same" hangs on besides the spec: threads, machine, device, versions."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy")


def surroundings(device: torch.device) -> dict[str, Any]:
    """The surroundings of this process, for the record in each checkpoint."""
    return {
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "processor": _processor(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """A warning when a resumed attempt has other surroundings than its checkpoint was made in; None if equal.

    What the checkpoint does not tell is not compared.
    """
    changed = [
        f"{name} {before[name]} before, {value} now"
        for name, value in now.items()
        if name in before and before[name] != value
    ]
    if not changed:
        return None
    return f"The result may differ in its last digits from an undisturbed run's: {'; '.join(changed)}."


def _processor() -> str:
    """The processor's name: others round otherwise."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
