"""The NVIDIA GPUs of this machine, and how much room others leave on them. No torch is needed to look."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json

NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")
GIB = 2**30

LITTLE = GIB
"""A GPU on which less than this is used (bytes) is empty: what the driver itself takes."""


@dataclass(frozen=True)
class Gpu:
    """One GPU. Memory is in bytes, `total` 0 where it is not known."""

    index: int
    """As `nvidia-smi` counts: in the order of the PCI bus."""
    uuid: str
    """"" where it is not known."""
    total: int = 0
    free: int = 0
    users: tuple[int, ...] = ()
    """The pids that hold memory on it."""


def installed_gpus(proc: Path = NVIDIA_GPUS) -> list[Gpu]:
    """Every GPU: from NVML, else from the driver's list, which does not include memory."""
    try:
        return nvml_gpus()
    except UserError:
        return _listed_gpus(proc)


def nvml_gpus() -> list[Gpu]:
    """Every GPU with its memory and who uses it.

    Raises UserError with the reason when NVML does not answer: no driver, or `nvidia-ml-py` is missing.
    """
    try:
        import pynvml
    except ImportError:
        raise UserError("nvidia-ml-py is not installed: pip install 'promptrec-tui[gpu]'.") from None
    try:
        pynvml.nvmlInit()
        try:
            return [_nvml_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
        finally:
            pynvml.nvmlShutdown()
    except Exception as error:
        # Whatever a driver's library does, a run must not be kept from starting by it.
        raise UserError(f"NVML does not answer: {error}.") from None


def nvml_trouble() -> str:
    """Why NVML does not answer; "" when it does."""
    try:
        nvml_gpus()
    except UserError as error:
        return str(error)
    return ""


def visible_gpus(gpus: Sequence[Gpu], environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """Those that `CUDA_VISIBLE_DEVICES` leaves, in its order; CUDA stops at a name that it cannot use."""
    shown = environment.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return list(gpus)
    left = []
    for name in (part.strip() for part in shown.split(",")):
        match = next((gpu for gpu in gpus if _is_called(gpu, name)), None)
        if match is None:
            break
        left.append(match)
    return left


def find_gpu(gpus: Sequence[Gpu], uuid: str) -> Gpu | None:
    """The GPU of that UUID, or of one that begins so."""
    return next((gpu for gpu in gpus if gpu.uuid.startswith(uuid)), None)


def memory_needed(model: Path, precision: str = "auto", tuning: Mapping[str, Any] | None = None) -> int:
    """An estimate of the GPU memory (bytes) that tuning a model folder takes; 0 where there are no weights.

    The weights, half as much again for activations, and 2 GiB for CUDA itself, the adapter, its optimiser and
    the search of one user; more users are searched for at once only where more is free. The weights are as
    they lie on the disk, or twice that where they have 16 bits and `precision` is fp32. `tuning` are the
    settings of the method: weights that train themselves take a gradient and two moments more.
    """
    weights = _weights(model, precision)
    return int(weights * (1.5 + 3 * _trained_share(model, tuning or {}))) + 2 * GIB if weights else 0


def weights_needed(model: Path, precision: str = "auto", tuning: Mapping[str, Any] | None = None) -> int:
    """The bytes of it that are known: weights, with gradients and moments where they train themselves."""
    return int(_weights(model, precision) * (1 + 3 * _trained_share(model, tuning or {})))


def _weights(model: Path, precision: str) -> int:
    weights = sum(path.stat().st_size for path in model.glob("*.safetensors"))
    return weights * 2 if precision == "fp32" and _has_16_bits(model) else weights


def _trained_share(model: Path, tuning: Mapping[str, Any]) -> float:
    """Which share of the base model's weights trains itself: none beside an adapter."""
    if tuning.get("method") == "full":
        return 1.0
    if tuning.get("method") != "last_layers":
        return 0.0
    try:
        config = read_json(model / "config.json")
        return min(1.0, int(tuning["layers"]) / int(config.get("num_hidden_layers") or config["n_layer"]))
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return 1.0


def _has_16_bits(model: Path) -> bool:
    """Whether the weights of a model folder are in half precision, as its config says."""
    try:
        config = read_json(model / "config.json")
        return config.get("dtype", config.get("torch_dtype")) in ("bfloat16", "float16")
    except (OSError, ValueError, AttributeError):
        return False


def crowded(gpu: Gpu, needed: int) -> str:
    """Why `needed` bytes have no room on a GPU that no run of ours uses; "" when they have.

    An empty GPU has always room: the estimate may be wrong, and nothing would come by waiting.
    """
    used = gpu.total - gpu.free
    if needed <= gpu.free or used < LITTLE:
        return ""
    return (
        f"{used / GIB:.0f} GiB are used by {_whose(gpu.users)}, and about {needed / GIB:.0f} GiB are needed"
    )


def _nvml_gpu(index: int) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    users: tuple[int, ...] = ()
    with suppress(pynvml.NVMLError):
        users = tuple(process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle))
    return Gpu(index, pynvml.nvmlDeviceGetUUID(handle), memory.total, memory.free, users)


def _listed_gpus(proc: Path) -> list[Gpu]:
    """The driver's own list; its folders are named by the PCI bus."""
    try:
        folders = sorted(proc.iterdir())
    except OSError:
        return []
    gpus = []
    for index, folder in enumerate(folders):
        uuid = None
        with suppress(OSError):
            uuid = re.search(r"GPU-[0-9a-f-]{36}", (folder / "information").read_text())
        gpus.append(Gpu(index, uuid.group() if uuid else ""))
    return gpus


def _is_called(gpu: Gpu, name: str) -> bool:
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def _whose(pids: Sequence[int]) -> str:
    owners = set()
    for pid in pids:
        with suppress(OSError):
            owners.add(Path("/proc", str(pid)).stat().st_uid)
    if owners - {os.getuid()}:
        return "another user"
    return "another program of yours" if owners else "another program"
