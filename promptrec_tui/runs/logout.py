"""Does a run survive its owner's logout? Decided by what this machine does with processes left behind."""

import getpass
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from promptrec_tui.runs.attempts import Started
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import PROC, is_alive
from promptrec_tui.typed import read

Place = Literal["manager", "login", "system"]
"""To whom a process belongs: the user's service manager, a login session, or neither."""

LOGIND = (
    "busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager "
    "KillUserProcesses KillOnlyUsers KillExcludeUsers"
)


@dataclass(frozen=True)
class Facts:
    """What the answer depends on."""

    system: str
    """As `platform.system()` names it."""
    place: Place
    systemd: bool
    """systemd runs this machine."""
    container: bool
    manager: bool
    """The user's service manager can be asked to start something."""
    linger: bool
    """That manager stays when its user has logged out."""
    kills: bool | None
    """logind ends what a login leaves behind; None: it does not say."""


@dataclass(frozen=True)
class Survival:
    """The answer, and why it is so or what would change it."""

    answer: Literal["yes", "no", "unknown"]
    why: str


def survival(facts: Facts) -> Survival:
    """Whether a process at `facts.place` keeps running when its user logs out."""
    keep = "'loginctl enable-linger' makes it stay"
    if facts.system != "Linux":
        return Survival(
            "unknown", f"{facts.system} ends what belongs to a desktop login, and keeps the rest."
        )
    if not facts.systemd:
        if facts.container:
            return Survival("unknown", "This is a container: a run ends when the container does.")
        return Survival("yes", "Nothing here ends the processes of users who log out.")
    if facts.place == "system":
        return Survival("yes", "It belongs to no login.")
    if facts.place == "manager":
        if facts.linger:
            return Survival("yes", "Your service manager lingers, and the run is a unit of it.")
        return Survival("no", f"Your service manager ends with your last login: {keep}.")
    if facts.kills is None:
        return Survival(
            "unknown", f"logind does not say whether it kills what a login leaves behind; {keep}."
        )
    if facts.kills:
        return Survival("no", f"logind kills what a login leaves behind (KillUserProcesses=yes); {keep}.")
    return Survival("yes", "logind leaves alone what a login leaves behind (KillUserProcesses=no).")


def wants_unit(facts: Facts) -> bool:
    """Whether a run is better off as a unit of the user's service manager than in a session of its own.

    Not where that manager ends at logout and a session's processes would not.
    """
    ends_anyway = facts.place == "manager" or (facts.place == "login" and facts.kills is True)
    return facts.manager and (facts.linger or ends_anyway)


def login_facts() -> Facts:
    """The facts of this machine and user, for this process."""
    user = _user()
    systemd = Path("/run/systemd/system").is_dir()
    socket = runtime_folder() / "systemd/private"
    return Facts(
        system=platform.system(),
        place=place_of(_cgroup(os.getpid())),
        systemd=systemd,
        container=_in_container(),
        manager=shutil.which("systemd-run") is not None and socket.exists(),
        linger=Path("/var/lib/systemd/linger", user).exists(),
        kills=kills_user(_logind_says(), user) if systemd else None,
    )


def run_survival(folder: RunFolder) -> Survival:
    """The answer for a run that is going, or for what would become of it if it were started from here."""
    cgroup = _supervisor_cgroup(folder)
    return survival(replace(login_facts(), place=place_of(cgroup))) if cgroup else survival_from_here()


def survival_from_here() -> Survival:
    """The answer for a run that this process would start."""
    facts = login_facts()
    return survival(replace(facts, place="manager") if wants_unit(facts) else facts)


def place_of(cgroup: str) -> Place:
    """To whom a process in that cgroup belongs."""
    if "/user@" in cgroup:
        return "manager"
    return "login" if "/session-" in cgroup else "system"


def kills_user(said: str, user: str) -> bool | None:
    """Whether logind ends the processes that `user` leaves behind, by what `busctl` printed of it."""
    lines = [line.split() for line in said.splitlines()]
    if [line[0] for line in lines if line] != ["b", "as", "as"]:
        return None
    kills, only, never = (line[1:] for line in lines)
    name = f'"{user}"'
    return kills == ["true"] and name not in never[1:] and (name in only or only == ["0"])


def runtime_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the user's service manager listens; known even where a login did not say it (`sudo -u`)."""
    return Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())  # a user without a name, as containers have them


@lru_cache(maxsize=1)
def _logind_says() -> str:
    try:
        return subprocess.run(LOGIND.split(), capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _supervisor_cgroup(folder: RunFolder) -> str:
    started = read(Started, folder.attempt(folder.last_attempt).started)
    supervisor = started and started.supervisor
    return _cgroup(supervisor.pid) if supervisor and is_alive(supervisor) else ""


def _cgroup(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cgroup").read_text()
    except OSError:
        return ""


def _in_container() -> bool:
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"), Path("/run/systemd/container"))
    return "container" in os.environ or any(mark.exists() for mark in marks)
