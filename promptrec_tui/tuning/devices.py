"""Threads and visible devices of a process, set before torch is imported."""

import os
from collections.abc import MutableMapping

from promptrec_tui.runs.spec import RunSettings

ALLOCATOR = frozenset({"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF"})
"""The variables, newest first, that configure torch's GPU allocator. A value set by the user is kept."""


def prepare(
    settings: RunSettings, environment: MutableMapping[str, str] = os.environ, claimed: str = ""
) -> str:
    """Set up threads and the visible GPU for a process that is about to import torch.

    Trainer takes every GPU that torch sees, so torch sees only the one that was `claimed` for the run.
    Returns the device setting for this process.
    """
    threads = str(settings.threads or _cores())
    environment["OMP_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = threads
    # When another program takes a core, OpenMP threads that busy-wait run a hundred times slower than threads
    # that sleep. The wait policy does not change results.
    environment["OMP_WAIT_POLICY"] = "PASSIVE"
    if settings.device in ("cpu", "mps"):
        return settings.device
    visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    device = claimed if claimed not in ("", "cpu", "mps") else settings.device
    if device in ("auto", "cuda"):
        device = "cuda:0"
    if device.startswith("cuda:"):
        # GPU numbers follow the order of the system (PCI bus), which is not CUDA's default order.
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        number = int(device.removeprefix("cuda:"))
        if "CUDA_VISIBLE_DEVICES" not in environment or (claimed == device and str(number) in visible):
            environment["CUDA_VISIBLE_DEVICES"] = str(number)
        elif number < len(visible):
            environment["CUDA_VISIBLE_DEVICES"] = visible[number]
        elif settings.device != "auto":
            return settings.device
    else:
        environment["CUDA_VISIBLE_DEVICES"] = device
    if not ALLOCATOR & environment.keys():
        # Prompts and searches have many different lengths and fragment segments of a fixed size.
        environment["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
    return "auto" if settings.device == "auto" else "cuda"


def _cores() -> int:
    """The CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
