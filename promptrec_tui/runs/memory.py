"""What the kernel did for want of memory."""

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
GROUPS = Path("/sys/fs/cgroup")


def memory_kills() -> int:
    """How many processes the kernel has ended for want of memory, on this machine and in this cgroup.

    Only a growing count means something; it is 0 where the system has no such count.
    """
    counters = [PROC / "vmstat"]
    with suppress(OSError, ValueError):
        own = next(line for line in (PROC / "self/cgroup").read_text().splitlines() if line.startswith("0::"))
        counters.append(GROUPS / own.removeprefix("0::").lstrip("/") / "memory.events")
    return sum(_count(path) for path in counters)


def _count(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
    except (OSError, ValueError, IndexError):
        return 0
