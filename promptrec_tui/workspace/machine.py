"""The versions and the machine that a run was made with, for its record."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("promptrec-tui", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy", "scipy")


def versions() -> dict[str, str]:
    """Python's and the packages' versions, read from their metadata without importing them."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


def machine_facts() -> dict[str, Any]:
    """System, processor and core count: what "bit-exact on the same machine" depends on."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 1,
    }
