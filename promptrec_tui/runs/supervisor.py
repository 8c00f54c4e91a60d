"""The supervisor: it starts the trainer of one attempt, waits for it, and writes down how it ended.

`python -m promptrec_tui.runs.supervisor RUN_ID ATTEMPT [LOCK …]`, detached, without torch. The LOCKs are
inherited descriptors that the trainer inherits in turn: they are held as long as one of the two lives.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.home import find_home
from promptrec_tui.runs.control import requests
from promptrec_tui.runs.events import EventLog, finished_event
from promptrec_tui.runs.folder import AttemptFolder, RunFolder, find
from promptrec_tui.runs.launchers import dispatch_command, environment, trainer_command
from promptrec_tui.runs.liveness import identify
from promptrec_tui.runs.slots import own_locks
from promptrec_tui.runs.states import State
from promptrec_tui.text import clean

POLL_SECONDS = 0.5
"""How often a `kill` request is looked for."""

CPU_NICENESS = 10
PR_SET_PDEATHSIG = 1

FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that people and systems send; the others mean that the trainer broke."""


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended: `exit.json`."""

    code: int | None
    """The exit status; None when a signal ended the trainer."""
    signal: str | None
    time: float
    state: State
    reason: str


def supervise(folder: RunFolder, attempt: int, command: Sequence[str], locks: Sequence[int] = ()) -> Verdict:
    """Run `command` as the trainer of `attempt` to its end and write `started.json` and `exit.json`.

    The trainer leads its own process group and writes to the attempt's log. SIGTERM to this process is passed
    on to it; a `kill` request ends its whole group.
    """
    place = folder.attempt(attempt)
    try:
        code, killed = _run(folder, place, command, locks)
    except OSError as error:
        verdict = Verdict(None, None, time.time(), State.FAILED, f"The trainer cannot be started: {error}.")
    else:
        verdict = judge(folder, place, code, killed)
    write_json(place.exit, asdict(verdict))
    return verdict


def judge(folder: RunFolder, place: AttemptFolder, code: int, killed: bool) -> Verdict:
    """What the end of a trainer means; `code` is its exit status, or minus the signal that ended it.

    The trainer's own `finished` event decides. Else a signal from outside (or the status 128 + signal, by
    which programs that caught one tell of it) is an interruption, and anything else a failure, told with the
    log's last line.
    """
    number = -code if code < 0 else code - 128 if code - 128 in FROM_OUTSIDE else 0
    ended_by = _signal_name(number) if number else None
    if said := finished_event(folder.events, place.number):
        state, reason = State(said["state"]), str(said.get("reason") or "")
    elif killed:
        state, reason = State.INTERRUPTED, "Killed on request."
    elif number in FROM_OUTSIDE:
        state, reason = State.INTERRUPTED, f"The trainer was ended by {ended_by} from outside."
    else:
        how = f"was ended by {ended_by}" if ended_by else f"ended with status {code}"
        state, reason = State.FAILED, f"The trainer {how}: {last_line(place.log) or 'it printed nothing'}"
    return Verdict(code if code >= 0 else None, ended_by, time.time(), state, reason)


def last_line(log: Path, limit: int = 300) -> str:
    """The last line of a log that says something, clean and at most `limit` characters long."""
    with open(log, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8192))
        lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
    said = [line for line in (clean(line).strip() for line in lines) if line]
    return said[-1][:limit] if said else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _run(
    folder: RunFolder, place: AttemptFolder, command: Sequence[str], locks: Sequence[int]
) -> tuple[int, bool]:
    """Start the trainer and wait for it; its exit code, and whether a request killed it."""
    asked: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if trainer:
            trainer.terminate()

    trainer: subprocess.Popen[bytes] | None = None
    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        with open(place.log, "ab") as log:
            trainer = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder.path,
                env=environment(folder.home),
                pass_fds=locks,
                process_group=0,
                umask=0o077,
                preexec_fn=_in_trainer(niceness=CPU_NICENESS if _on_cpu(place) else 0),
            )
        if asked:
            trainer.terminate()
        supervisor, child = identify(os.getpid()), identify(trainer.pid)
        write_json(
            place.started,
            {
                "time": time.time(),
                "supervisor": supervisor and supervisor.to_json(),
                "trainer": child and child.to_json(),
            },
        )
        return _wait(folder, place.number, trainer)
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(folder: RunFolder, attempt: int, trainer: "subprocess.Popen[bytes]") -> tuple[int, bool]:
    waiting = threading.Thread(target=trainer.wait, daemon=True)
    waiting.start()
    kill: int | None = None
    while waiting.is_alive():
        waiting.join(POLL_SECONDS)
        asked = [request for request in requests(folder, attempt) if request.command == "kill"]
        if asked and kill is None and trainer.returncode is None:
            kill = asked[-1].number
            with suppress(ProcessLookupError):
                os.killpg(trainer.pid, signal.SIGKILL)
    if kill is not None:
        with EventLog(folder, attempt) as events:
            events.write("ack", control=kill, command="kill", result="killed")
    return trainer.wait(), kill is not None


def _in_trainer(niceness: int) -> Callable[[], None]:
    """What the trainer does between fork and exec: step back; ask for SIGTERM when its supervisor dies."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    supervisor = os.getpid()

    def prepare() -> None:
        os.nice(niceness)
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(128 + signal.SIGTERM)

    return prepare


def _on_cpu(place: AttemptFolder) -> bool:
    return place.claim.exists() and read_json(place.claim)["slot"] == "cpu"


def main(arguments: Sequence[str]) -> int:
    """Supervise one attempt with the real trainer, free its locks, and let the queue move on."""
    os.umask(0o077)
    run_id, number, *inherited = arguments
    folder = find(find_home(), run_id)
    attempt = int(number)
    try:
        locks = [int(lock) for lock in inherited] or [lock.descriptor for lock in own_locks(folder, attempt)]
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    supervise(folder, attempt, trainer_command(run_id, attempt), locks)
    for descriptor in locks:
        os.close(descriptor)
    subprocess.Popen(
        dispatch_command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
