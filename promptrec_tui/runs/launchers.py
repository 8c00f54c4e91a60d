"""How an attempt is launched: the ways there are, the choice between them, and the command lines."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn, Protocol

from promptrec_tui.errors import UserError
from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.runs.folder import AttemptFolder
from promptrec_tui.runs.liveness import Lock, lock_held, release, take_lock
from promptrec_tui.runs.logout import login_facts, runtime_folder, wants_unit

PASSED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ"}
    | {"VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    | {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
)
PASSED_FAMILIES = ("LC_", "CUDA_", "NVIDIA_", "PYTORCH_", "NCCL_", "XDG_")
SECRETS = ("TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL")

MANAGER_SECONDS = 20.0
"""How long a manager may take to accept a command, and what it starts to take its locks."""


def environment(home: Home, outer: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of a run's processes: an allow-list without secrets, this home, no network."""
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


def supervisor_command(attempt: AttemptFolder) -> list[str]:
    """The supervisor's command line; descriptors of locks that it inherits may follow."""
    return [sys.executable, "-m", "promptrec_tui.runs.supervisor", attempt.run.id, str(attempt.number)]


def dispatch_command() -> list[str]:
    """The command line that moves the queue: `promptrec run dispatch` without all other commands."""
    return [sys.executable, "-m", "promptrec_tui.workspace.dispatch"]


def spawn_dispatch(home: Home) -> None:
    """Start a dispatcher that outlives this process and holds nothing of its terminal."""
    subprocess.Popen(
        dispatch_command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(home),
        start_new_session=True,
    )


def become_dispatcher() -> NoReturn:
    """Release every lock and move the queue: the last act of a trainer whose supervisor was killed.

    The locks are closed by the exec and not before it: another thread may be reading a file, and some native
    libraries end the process when that fails.
    """
    for entry in Path("/dev/fd").iterdir():
        if int(entry.name) > 2:
            with suppress(OSError):  # the one that listed them is closed by now
                os.set_inheritable(int(entry.name), False)
    os.chdir("/")  # the home may be gone
    os.execv(sys.executable, dispatch_command())


class Launcher(Protocol):
    """A way to start the supervisor of an attempt so that it outlives whoever starts it."""

    @property
    def slots(self) -> int:
        """How many device slots an attempt takes: all of them or none."""

    @property
    def inherits(self) -> bool:
        """Whether the supervisor inherits the locks; else it takes them itself."""

    def command(self, attempt: AttemptFolder) -> list[str]:
        """The command line. It names ids and variables only: everyone on the machine can read it."""

    def alive(self, attempt: AttemptFolder) -> bool:
        """Whether a process of the attempt lives."""


@dataclass(frozen=True)
class Detached:
    """A child in a session of its own: it survives its terminal, and mostly the end of the login."""

    slots: int = 1
    inherits: ClassVar[bool] = True

    def command(self, attempt: AttemptFolder) -> list[str]:
        """The supervisor itself."""
        return supervisor_command(attempt)

    def alive(self, attempt: AttemptFolder) -> bool:
        """Whether the run's lock is held: supervisor and trainer share it."""
        return lock_held(attempt.run.lock)


@dataclass(frozen=True)
class Unit(Detached):
    """A unit of the user's service manager (systemd), which survives the end of the login.

    It has a cgroup of its own, and only its main process is ended with it: what the queue starts next
    goes on. When the kernel kills the trainer for its memory, the supervisor stays and reports it.
    """

    inherits: ClassVar[bool] = False

    def command(self, attempt: AttemptFolder) -> list[str]:
        """systemd-run with the supervisor; the variables go by name only."""
        return [
            *("systemd-run", "--user", "--collect", "--quiet"),
            f"--unit=promptrec-{attempt.run.id}-{attempt.number}",
            *("--property=KillMode=process", "--property=OOMPolicy=continue"),
            *(f"--setenv={name}" for name in environment(attempt.run.home)),
            *supervisor_command(attempt),
        ]


def choose_launcher() -> Launcher:
    """The launcher with which a run survives most on this machine."""
    return Unit() if wants_unit(login_facts()) else Detached()


def launch_best(launcher: Launcher, attempt: AttemptFolder, slots: Sequence[Lock]) -> None:
    """Start the supervisor of a claimed attempt; where a manager refuses, as a child of this process.

    This process gives its `slots` up. Raises UserError when a process of the run still lives, or none can be
    started.
    """
    if launcher.inherits:
        launch(launcher, attempt, slots)
    elif not submit(launcher, attempt, slots):
        launch(Detached(), attempt, slots)


def submit(launcher: Launcher, attempt: AttemptFolder, slots: Sequence[Lock]) -> bool:
    """Have a manager start the supervisor, which inherits nothing; False, and the slots kept, if that fails.

    The supervisor takes the run's lock first. Once that is held, this process gives the slots up for it.
    """
    passed = environment(attempt.run.home)
    reach = {"XDG_RUNTIME_DIR": str(runtime_folder())}
    if bus := os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        reach["DBUS_SESSION_BUS_ADDRESS"] = bus
    with suppress(OSError, subprocess.TimeoutExpired):
        submitted = subprocess.run(
            launcher.command(attempt),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**passed, **reach},
            timeout=MANAGER_SECONDS,
            check=False,
        )
        end = time.monotonic() + MANAGER_SECONDS
        while submitted.returncode == 0 and time.monotonic() < end:
            # One that has ended already leaves no lock, but one of these files.
            if launcher.alive(attempt) or attempt.started.exists() or attempt.exit.exists():
                release(slots)
                return True
            time.sleep(0.05)
    return False


def launch(launcher: Launcher, attempt: AttemptFolder, slots: Sequence[Lock]) -> int:
    """Start the supervisor of a claimed attempt in a session of its own; returns its pid.

    It inherits the locks of `slots` and the run's own, taken here; this process gives its shares up, whatever
    happens. It holds nothing of the caller's terminal.
    Raises UserError when a process of the run still lives, or none can be started.
    """
    run = attempt.run
    own = take_lock(run.lock)
    held = [*slots, own] if own else [*slots]
    try:
        if own is None:
            raise UserError(f"A process of run {run.id} still lives: wait until it has ended.")
        descriptors = [lock.descriptor for lock in held]
        with open(attempt.log, "ab") as log:
            process = subprocess.Popen(
                [*launcher.command(attempt), *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=run.path,
                env=environment(run.home),
                pass_fds=descriptors,
                start_new_session=True,
                umask=0o077,
            )
    except OSError as error:
        raise UserError(f"Cannot start run {run.id}: {error.strerror}.") from None
    finally:
        release(held)
    return process.pid
