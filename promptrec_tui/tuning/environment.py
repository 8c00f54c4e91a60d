"""Device, precision and versions of a run. A bit-identical result depends on them besides the spec."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from promptrec_tui.runs.attempts import Computing

PACKAGES = ("torch", "transformers", "peft", "accelerate", "numpy")


def environment_of(device: torch.device) -> dict[str, Any]:
    """The environment of this process, for the record in each checkpoint."""
    return {
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "processor": _processor(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def computing(model: Any) -> Computing:
    """Device, precision and attention kernel of a loaded model of transformers or peft."""
    device: torch.device = model.device
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = "the CPU" if device.type == "cpu" else "the Apple GPU"
    precision = {torch.float32: "fp32", torch.bfloat16: "bf16"}.get(model.dtype, str(model.dtype))
    return Computing(name, precision, model.config._attn_implementation)


def unused_gpu(claimed: str, device: torch.device) -> str | None:
    """A warning when a run that holds a GPU computes on another `device`; else None."""
    if claimed in ("", "cpu", "mps") or device.type == "cuda":
        return None
    why = "has no CUDA" if torch.version.cuda is None else "finds no GPU that it can use"
    place = "the CPU" if device.type == "cpu" else "the Apple GPU"
    return (
        f"This run holds {claimed} but computes on {place}, which "
        f"is many times slower: torch {torch.__version__} {why}. Install a torch with CUDA that fits the "
        "driver (promptrec doctor shows what torch sees), or set run.device=cpu to leave the GPU to others."
    )


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """A warning when the environment of a resumed attempt differs from its checkpoint's; None if equal.

    What the checkpoint does not record is not compared.
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
    """The processor's name: another one may round differently."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
