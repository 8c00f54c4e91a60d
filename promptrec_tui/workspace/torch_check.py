"""What torch can use on this machine. A child process finds out: the import takes seconds and may hang."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from promptrec_tui.errors import UserError
from promptrec_tui.files import parse_json
from promptrec_tui.text import clean
from promptrec_tui.typed import build

SECONDS = 60.0

QUESTION = """
import json, torch
here = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__,
    "built_for": torch.version.cuda,
    "cuda": here,
    "devices": [torch.cuda.get_device_name(gpu) for gpu in range(torch.cuda.device_count())] if here else [],
    "bf16": here and torch.cuda.is_bf16_supported(including_emulation=False),
    "mps": torch.backends.mps.is_available(),
}))
"""


@dataclass(frozen=True)
class Torch:
    """torch's version, the CUDA that it is built for (None: a build for CPUs), and what it can use here."""

    version: str
    built_for: str | None
    cuda: bool
    devices: tuple[str, ...]
    bf16: bool
    mps: bool

    def __str__(self) -> str:
        if self.cuda:
            kind = "bf16" if self.bf16 else "fp32 only, no bf16"
            return clean(f"torch {self.version} computes on {', '.join(self.devices)} ({kind})")
        place = "the Apple GPU" if self.mps else "the CPU"
        built = (
            f"built for CUDA {self.built_for}, which it cannot use here" if self.built_for else "without CUDA"
        )
        return clean(f"torch {self.version}, {built}: it computes on {place} in fp32")


def ask_torch(command: Sequence[str] = (sys.executable, "-c", QUESTION), seconds: float = SECONDS) -> Torch:
    """Query torch. Raises UserError when it does not respond within `seconds`, or fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"torch does not respond within {seconds:g} seconds: a driver or a GPU may hang; try "
            "'nvidia-smi', and start the machine again if that hangs too"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise UserError(f"torch does not work ({clean(last)}): install promptrec again")
    try:
        return build(Torch, parse_json(done.stdout.strip().splitlines()[-1].encode()))
    except (ValueError, IndexError):
        raise UserError("torch gives a response that cannot be read: install promptrec again") from None
