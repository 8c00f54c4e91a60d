"""Starting an attempt so that it outlives whoever started it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from promptrec_tui.errors import UserError
from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Lock, take_lock

PASSED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ"}
    | {"VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    | {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
)
PASSED_FAMILIES = ("LC_", "CUDA_", "NVIDIA_", "PYTORCH_", "NCCL_", "XDG_")
SECRETS = ("TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL")


def environment(home: Home, outer: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that a run's processes see: an allow-list without secrets, this home, no network."""
    passed = {
        name: value
        for name, value in outer.items()
        if (name in PASSED or name.startswith(PASSED_FAMILIES)) and not any(word in name for word in SECRETS)
    }
    return {
        **passed,
        VARIABLE: str(home.root),
        "TMPDIR": str(home.temporary),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def trainer_command(run_id: str, attempt: int) -> list[str]:
    """The trainer's command line. It names ids only: everyone on the machine can read it."""
    return [sys.executable, "-m", "promptrec_tui.tuning.worker", run_id, str(attempt)]


def supervisor_command(run_id: str, attempt: int, descriptors: Sequence[int]) -> list[str]:
    """The supervisor's command line; `descriptors` are the locks that it inherits and hands on."""
    locks = [str(descriptor) for descriptor in descriptors]
    return [sys.executable, "-m", "promptrec_tui.runs.supervisor", run_id, str(attempt), *locks]


def launch(home: Home, folder: RunFolder, attempt: int, locks: Sequence[Lock]) -> int:
    """Start the supervisor of a claimed attempt in a session of its own; answers its pid.

    It inherits `locks` (the device's slot) and the run's own lock, taken here; this process gives its shares
    up, whatever happens. Nothing of it holds the caller's terminal.
    Raises UserError when a process of the run still lives, or none can be started.
    """
    own = take_lock(folder.lock)
    held = [*locks, own] if own else [*locks]
    try:
        if own is None:
            raise UserError(f"A process of run {folder.id} still lives: wait until it has ended.")
        descriptors = [lock.descriptor for lock in held]
        with open(folder.attempt(attempt).log, "ab") as log:
            process = subprocess.Popen(
                supervisor_command(folder.id, attempt, descriptors),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=folder.path,
                env=environment(home),
                pass_fds=descriptors,
                start_new_session=True,
                umask=0o077,
            )
    except OSError as error:
        raise UserError(f"Cannot start run {folder.id}: {error.strerror}.") from None
    finally:
        for lock in held:
            lock.release()
    return process.pid
