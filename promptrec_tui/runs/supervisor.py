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
from dataclasses import asdict
from functools import partial
from types import FrameType

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import find_home
from promptrec_tui.runs.attempts import Verdict
from promptrec_tui.runs.diagnosis import PAUSED_FOR_ROOM, End, diagnose
from promptrec_tui.runs.disk import full_sentence, insist, lay_by, room_needed
from promptrec_tui.runs.event_log import finished_event
from promptrec_tui.runs.folder import AttemptFolder, RunFolder, find
from promptrec_tui.runs.launchers import dispatch_command, environment, trainer_command
from promptrec_tui.runs.liveness import Ground, ground, identify
from promptrec_tui.runs.logs import last_lines
from promptrec_tui.runs.memory import memory_kills
from promptrec_tui.runs.queue import claimed_devices
from promptrec_tui.runs.requests import requests
from promptrec_tui.runs.slots import own_locks
from promptrec_tui.runs.states import State
from promptrec_tui.runs.unanswered import answer_all, settle

POLL_SECONDS = 0.5
"""Time between two looks for a `kill` request."""

CPU_NICENESS = 10
PR_SET_PDEATHSIG = 1

GRACE_SECONDS = 60.0
"""How long a trainer may take to save what it can when it is to be killed."""

LOOK_LINES = 5

LOST = "The run's folder, or run.lock in it, was removed while it ran: its processes were ended."


def supervise(
    folder: RunFolder,
    attempt: int,
    command: Sequence[str],
    locks: Sequence[int] = (),
    grace: float = GRACE_SECONDS,
) -> Verdict:
    """Run `command` as the trainer of `attempt` to its end and write `started.json` and `exit.json`.

    The trainer leads its own process group and writes to the attempt's log. SIGTERM to this process is passed
    on to it. A `kill` request does the same, so that what can be saved is saved, and ends the whole group
    after `grace` seconds, or at once when it is requested a second time; it is ended at once when its folder
    or lock is gone. Requests without an answer are answered at the end.
    """
    place = folder.attempt(attempt)
    here = ground(folder)
    lay_by(folder)
    before = memory_kills()
    try:
        code, killed = _run(folder, place, command, locks, grace, here)
    except OSError as error:
        reason = f"The trainer cannot be started: {error}."
        verdict = Verdict(State.FAILED, reason, time=time.time())
    else:
        end = End(code, last_lines(place.log, LOOK_LINES), killed, memory_kills() > before)
        verdict = judge(folder, place, end)
    if here.lost:
        verdict = Verdict(State.INTERRUPTED, LOST, time=time.time())
        if ground(folder).places[folder.path] != here.places[folder.path]:
            return verdict  # there is no folder, or one of somebody else's making
    # Without room on the disk the trainer's own verdict counts, and requests are answered later.
    with suppress(OSError):
        answer_all(folder, attempt, f"the run is {verdict.state.value}")
    with suppress(OSError):
        insist(folder, partial(write_json, place.exit, asdict(verdict)))
    return verdict


def judge(folder: RunFolder, place: AttemptFolder, end: End) -> Verdict:
    """What the end of a trainer means: as its own `finished` event says, else as it looks from outside."""
    if finished := finished_event(folder.events, place.number):
        state, reason = finished.state, finished.reason or ""
    elif end.code == PAUSED_FOR_ROOM:
        state, reason = State.PAUSED, full_sentence(folder, room_needed(folder))
    else:
        state, reason = diagnose(end)
    code = end.code if end.code >= 0 else None
    return Verdict(state, reason, code, end.signal_name, time.time())


def _run(
    folder: RunFolder,
    place: AttemptFolder,
    command: Sequence[str],
    locks: Sequence[int],
    grace: float,
    here: Ground,
) -> tuple[int, bool]:
    """Start the trainer and wait for it; its exit code, and whether a request ended it."""
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
        started = {
            "time": time.time(),
            "supervisor": supervisor and supervisor.to_json(),
            "trainer": child and child.to_json(),
        }
        # On a full disk it goes unwritten: the trainer lives, and is to be waited for.
        with suppress(OSError):
            insist(folder, partial(write_json, place.started, started))
        return _wait(folder, place.number, trainer, grace, here)
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(
    folder: RunFolder, attempt: int, trainer: "subprocess.Popen[bytes]", grace: float, here: Ground
) -> tuple[int, bool]:
    waiting = threading.Thread(target=trainer.wait, daemon=True)
    waiting.start()
    ends: float | None = None
    while waiting.is_alive():
        waiting.join(POLL_SECONDS)
        if here.lost and trainer.returncode is None:
            # Its results have no place any more, and requests do not reach it.
            with suppress(ProcessLookupError):
                os.killpg(trainer.pid, signal.SIGKILL)
            continue
        kills = sum(request.command == "kill" for request in requests(folder, attempt))
        if not kills or trainer.returncode is not None:
            continue
        if ends is None:
            ends = time.monotonic() + grace
            trainer.terminate()
        if kills > 1 or time.monotonic() >= ends:
            with suppress(ProcessLookupError):
                os.killpg(trainer.pid, signal.SIGKILL)
    return trainer.wait(), ends is not None


def lower_autogroup(niceness: int) -> None:
    """Let this session's processes give way to those of others, where Linux schedules session by session.

    With autogroups (sched(7), the default of most distributions) a process's own nice value counts inside its
    session only, so beside the session of a terminal it would change nothing. Without them nothing is done.
    """
    with suppress(OSError):
        file = os.open("/proc/self/autogroup", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, str(niceness).encode())
        finally:
            os.close(file)


def _in_trainer(niceness: int) -> Callable[[], None]:
    """What the trainer does between fork and exec: step back; ask for SIGTERM when its supervisor dies."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    supervisor = os.getpid()

    def prepare() -> None:
        os.nice(niceness)
        if niceness and os.getsid(0) == supervisor:
            lower_autogroup(niceness)
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(128 + signal.SIGTERM)

    return prepare


def _on_cpu(place: AttemptFolder) -> bool:
    return claimed_devices(place) == ("cpu",)


def main(arguments: Sequence[str]) -> int:
    """Supervise one attempt with the real trainer, free its locks, and let the queue go on in any case."""
    os.umask(0o077)
    run_id, number, *inherited = arguments
    home = find_home()
    locks = [int(lock) for lock in inherited]
    try:
        folder = find(home, run_id)
        locks = locks or [lock.descriptor for lock in own_locks(folder, int(number))]
        supervise(folder, int(number), trainer_command(run_id, int(number)), locks)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for descriptor in locks:
            os.close(descriptor)
        with suppress(OSError, UserError):
            settle(find(home, run_id))
        with suppress(OSError):  # the whole home may be gone
            subprocess.Popen(
                dispatch_command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=home.root,
                start_new_session=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
