"""Who lives: locks that the kernel frees, processes that cannot be mistaken for others, and a heartbeat."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.typed import read

PROC = Path("/proc")

NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO})
"""Errors of opening a path that cannot be a lock: nothing is there, or it is not a file."""


@dataclass(frozen=True)
class Lock:
    """An exclusive flock: free again when every process that inherited `descriptor` has closed it or died."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Give up this process's share; heirs keep theirs."""
        os.close(self.descriptor)


def release(locks: Iterable[Lock]) -> None:
    """Give up this process's share of several locks."""
    for lock in locks:
        lock.release()


def take_lock(path: Path, patience: float = 0.3) -> Lock | None:
    """Take the lock at `path`, or answer None when it is held.

    `patience` (seconds) is longer than another process needs to test the lock (`lock_held`).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    end = time.monotonic() + patience
    while not _try(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= end:
            os.close(descriptor)
            return None
        time.sleep(0.01)
    return Lock(path, descriptor)


@dataclass(frozen=True)
class Ground:
    """The paths that a run needs, its folder and the lock in it, with device and inode of each."""

    places: Mapping[Path, tuple[int, int] | None]

    @property
    def lost(self) -> bool:
        """Whether one of them was deleted, moved away, or replaced. One that was not there is not missed."""
        return any(place is not None and _place(path, place) != place for path, place in self.places.items())


def ground(folder: RunFolder) -> Ground:
    """The ground as it is now, to be looked at again later."""
    return Ground({path: _place(path) for path in (folder.path, folder.lock)})


def _place(path: Path, unknown: tuple[int, int] | None = None) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return unknown  # a network file system that does not answer for a moment
    return facts.st_dev, facts.st_ino


def lock_held(path: Path) -> bool:
    """Whether any process holds the lock at `path`. Lookers do not see each other."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in NO_FILE:
            return False
        raise
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@lru_cache(maxsize=1)
def boot_id() -> str:
    """A name for this boot of this machine; another after each restart."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        pass
    if sys.platform == "darwin":
        answer = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0:
            return answer.stdout.strip()
    import psutil

    return f"boot-{int(psutil.boot_time())}"


def boottime() -> float:
    """Seconds since this boot, sleep included where the system counts it; never set back."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Process:
    """A process that no later one with the same pid is mistaken for."""

    boot: str
    pid: int
    start: int
    """Clock ticks from boot to its start (hundredths of a second of wall time where there is no /proc)."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def identify(pid: int) -> Process | None:
    """The live process `pid`; None when there is none, or only its remains (a zombie)."""
    if (PROC / "self/stat").exists():
        try:
            # The name in parentheses may hold anything; after it come state (field 3) … start (field 22).
            fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in (b"Z", b"X") else Process(boot_id(), pid, int(fields[19]))
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Process(boot_id(), pid, round(process.create_time() * 100))
    except psutil.Error:
        return None


def is_alive(process: Process) -> bool:
    """Whether that very process lives."""
    return identify(process.pid) == process


def send_signal(process: Process, number: signal.Signals) -> bool:
    """Signal that very process; False when it is gone. With pidfds (Linux) no reused pid can be hit."""
    if not hasattr(os, "pidfd_open"):
        if not is_alive(process):
            return False
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return False
        return True
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(process):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


@dataclass(frozen=True)
class Heartbeat:
    """What a trainer says of itself every few seconds; times are `boottime` seconds of boot `boot`."""

    attempt: int
    phase: str
    step: int
    progressed: float
    """When the trainer last got on (a step, a scored user, a loaded shard)."""
    beat: float
    boot: str


def write_heartbeat(folder: RunFolder, attempt: int, phase: str, step: int, progressed: float) -> None:
    """Replace `heartbeat.json`. It need not survive a power cut, so it is not forced to the disk."""
    heartbeat = Heartbeat(attempt, phase, step, progressed, boottime(), boot_id())
    temporary = folder.path / f".heartbeat.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(asdict(heartbeat)))
    temporary.replace(folder.heartbeat)


def read_heartbeat(folder: RunFolder) -> Heartbeat | None:
    """The last heartbeat; None when there is none that can be read."""
    return read(Heartbeat, folder.heartbeat)
