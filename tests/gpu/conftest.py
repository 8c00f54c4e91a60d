"""What the first machine with a GPU is asked; elsewhere all is collected and skipped with a reason."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch

from tests.tokentree.conftest import tiny_model  # noqa: F401
from tests.tuning.conftest import child, events, home, model_folder, new_run, tune  # noqa: F401

DEVICE = "cuda"

needs_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use"),
]


def mig_names() -> list[str]:
    """The names of the parts of GPUs (MIG), as the driver's tool lists them."""
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True)
        return [word.rstrip(")") for word in listed.stdout.split() if word.startswith("MIG-")]
    return []


@pytest.fixture
def limited_memory() -> Iterator[None]:
    """A test may limit what this process takes; afterwards it may take all again."""
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()
