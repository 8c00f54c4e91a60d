"""Starting an attempt so that it outlives whoever started it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from promptrec_tui.errors import UserError
from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Lock, lock_held, take_lock
from promptrec_tui.runs.logout import login_facts, runtime_folder, wants_unit

PASSED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ"}
    | {"VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    | {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
)
PASSED_FAMILIES = ("LC_", "CUDA_", "NVIDIA_", "PYTORCH_", "NCCL_", "XDG_")
SECRETS = ("TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL")

UNIT_SECONDS = 20.0
"""How long the service manager, and then the unit that it started, may take to answer."""


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


def dispatch_command() -> list[str]:
    """The command line that moves the queue: `promptrec run dispatch` without all other commands."""
    return [sys.executable, "-m", "promptrec_tui.workspace.dispatch"]


def spawn_dispatch(home: Home) -> None:
    """Have the queue moved by a process that outlives this one and holds nothing of its terminal."""
    subprocess.Popen(
        dispatch_command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(home),
        start_new_session=True,
    )


def become_dispatcher() -> NoReturn:
    """Release every lock and move the queue: what a trainer whose supervisor was killed does last.

    The locks are closed by the exec and not before it: another thread may be reading a file, and some native
    libraries end the process when that fails.
    """
    for entry in Path("/dev/fd").iterdir():
        if int(entry.name) > 2:
            with suppress(OSError):  # the one that listed them is closed by now
                os.set_inheritable(int(entry.name), False)
    os.chdir("/")  # the home may be gone
    os.execv(sys.executable, dispatch_command())


def launch_best(home: Home, folder: RunFolder, attempt: int, slot: Lock) -> None:
    """Start the supervisor of a claimed attempt where it survives most; this process gives the slot up.

    Raises UserError when a process of the run still lives, or none can be started.
    """
    if not (wants_unit(login_facts()) and launch_unit(home, folder, attempt, slot)):
        launch(home, folder, attempt, [slot])


def launch_unit(home: Home, folder: RunFolder, attempt: int, slot: Lock) -> bool:
    """Start the supervisor as a unit of the user's service manager; False, and the slot kept, if that fails.

    A unit inherits no descriptors: it takes the locks itself, the run's first, and then gets the slot's from
    this process. It has a cgroup of its own, of which only itself is ended with it: what the queue
    starts next goes on, and a trainer that the kernel ends for its memory leaves somebody to tell of it. The
    command line has the variables' names only; everyone can read it.
    """
    passed = environment(home)
    place = folder.attempt(attempt)
    reach = {"XDG_RUNTIME_DIR": str(runtime_folder())}
    if bus := os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        reach["DBUS_SESSION_BUS_ADDRESS"] = bus
    command = [
        *("systemd-run", "--user", "--collect", "--quiet", f"--unit=promptrec-{folder.id}-{attempt}"),
        *("--property=KillMode=process", "--property=OOMPolicy=continue"),
        *(f"--setenv={name}" for name in passed),
        *supervisor_command(folder.id, attempt, []),
    ]
    with suppress(OSError, subprocess.TimeoutExpired):
        asked = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**passed, **reach},
            timeout=UNIT_SECONDS,
            check=False,
        )
        end = time.monotonic() + UNIT_SECONDS
        while asked.returncode == 0 and time.monotonic() < end:
            if lock_held(folder.lock) or place.started.exists() or place.exit.exists():
                slot.release()
                return True
            time.sleep(0.05)
    return False


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
