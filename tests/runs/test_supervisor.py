"""Real supervisors over real trainers, which are small programs here."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.files import read_json, write_json
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.event_log import read_events
from promptrec_tui.runs.launchers import Detached, environment, launch
from promptrec_tui.runs.liveness import Process, is_alive, lock_held, take_lock
from promptrec_tui.runs.queue import claim, enqueue
from promptrec_tui.runs.requests import pending, request
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.runs.unanswered import settle

SUPERVISE = """
import sys
from pathlib import Path
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.supervisor import supervise
folder = RunFolder(Path(sys.argv[1]))
lock = take_lock(folder.lock)
command = [sys.executable, "-c", sys.argv[2]] if sys.argv[2] else ["/nowhere/python"]
supervise(folder, 1, command, [lock.descriptor], float(sys.argv[3]))
"""

SLEEP = "import time; print('sleeping', flush=True); time.sleep(3600)"

POLITE = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n" + SLEEP

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP

OBEDIENT = """
import sys, time
from pathlib import Path
from promptrec_tui.runs.requests import pending
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import AckEvent, FinishedEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
folder = RunFolder(Path.cwd())
with EventLog(folder, 1) as log:
    print("sleeping", flush=True)
    while not (asked := pending(folder, set())):
        time.sleep(0.01)
    log.write(AckEvent(control=asked[0].number, command=asked[0].command, result="ok"))
    state = {"pause": State.PAUSED, "stop": State.STOPPED}[asked[0].command]
    log.write(FinishedEvent(state=state, reason="asked", step=4))
"""


OBEDIENT_FOR_LONG = """
import sys, time
from pathlib import Path
from promptrec_tui.runs.requests import pending
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import AckEvent, FinishedEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
folder, known = RunFolder(Path.cwd()), set()
with EventLog(folder, 1) as log:
    print("sleeping", flush=True)
    ending = None
    while ending is None:
        for asked in pending(folder, known):
            known.add(asked.number)
            log.write(AckEvent(control=asked.number, command=asked.command, result="ok"))
            if len(known) > 25 and asked.command != "checkpoint":
                ending = asked.command
    state = {"pause": State.PAUSED, "stop": State.STOPPED}[ending]
    log.write(FinishedEvent(state=state, reason="asked", step=4))
"""


@pytest.fixture
def supervised(run, python, wait_for):
    """Start a supervisor over a trainer program, and wait for `sleeping` in the log when it says so."""
    run.attempt(1).path.mkdir()

    def start(program, grace=60):
        supervisor = python(SUPERVISE, run.path, program, grace)
        if "sleeping" in program:
            wait_for(
                lambda: run.attempt(1).started.exists() and b"sleeping" in run.attempt(1).log.read_bytes()
            )
        return supervisor

    return start


def verdict(run):
    return read_json(run.attempt(1).exit)


def acks(run):
    return [event for event in read_events(run.events)[0] if event["kind"] == "ack"]


def trainer(run):
    return Process(**read_json(run.attempt(1).started)["trainer"])


def test_a_crash_is_a_failure_with_the_last_line_cleaned(run, supervised):
    supervised(r"raise ValueError('no \x1b[31mrank')").wait()
    assert verdict(run)["code"] == 1
    assert verdict(run)["signal"] is None
    assert run_status(run).state == State.FAILED
    assert run_status(run).reason == "The trainer ended with status 1: ValueError: no [31mrank"
    assert not lock_held(run.lock)


def test_a_trainer_that_breaks_itself_has_failed(run, supervised):
    supervised("import os, signal; os.kill(os.getpid(), signal.SIGABRT)").wait()
    assert (verdict(run)["code"], verdict(run)["signal"]) == (None, "SIGABRT")
    assert verdict(run)["state"] == "failed"
    assert "SIGABRT: it printed nothing" in verdict(run)["reason"]


def test_a_trainer_that_ends_without_a_word_has_failed(run, supervised):
    supervised("print('hello')").wait()
    assert (verdict(run)["code"], verdict(run)["state"]) == (0, "failed")


def test_a_trainer_that_cannot_be_started_has_failed(run, supervised):
    supervised("").wait()
    assert verdict(run)["state"] == "failed"
    assert "cannot be started" in verdict(run)["reason"]


@pytest.mark.parametrize(("command", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_the_trainers_own_word_is_the_verdict(run, supervised, command, state):
    supervisor = supervised(OBEDIENT)
    assert run_status(run).state == State.RUNNING
    request(run, command)
    supervisor.wait()
    assert verdict(run) | {"time": 0} == {
        "code": 0,
        "signal": None,
        "time": 0,
        "state": state,
        "reason": "asked",
    }
    assert run_status(run).state == state
    assert pending(run) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_trainer_ended_from_outside_is_interrupted(run, supervised, number):
    supervisor = supervised(SLEEP)
    os.kill(trainer(run).pid, number)
    supervisor.wait()
    assert (verdict(run)["signal"], verdict(run)["state"]) == (number.name, "interrupted")


def test_sigterm_is_passed_on(run, supervised):
    supervisor = supervised(
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n" + SLEEP
    )
    supervisor.terminate()
    supervisor.wait()
    assert (verdict(run)["code"], verdict(run)["signal"], verdict(run)["state"]) == (
        143,
        "SIGTERM",
        "interrupted",
    )


def test_a_deaf_trainer_can_be_killed_on_request(run, supervised):
    supervisor = supervised(DEAF, grace=0.5)
    request(run, "kill")
    assert run_status(run).state == State.STOPPING
    supervisor.wait()
    assert verdict(run)["signal"] == "SIGKILL"
    assert verdict(run)["reason"].startswith("Killed on request")
    assert run_status(run).state == State.INTERRUPTED
    assert pending(run) == []


def test_a_second_kill_does_not_wait(run, supervised):
    supervisor = supervised(DEAF, grace=3600)
    request(run, "kill")
    request(run, "kill")
    supervisor.wait()
    assert verdict(run)["signal"] == "SIGKILL"
    assert [(ack["command"], ack["result"]) for ack in acks(run)] == [("kill", "the run is interrupted")] * 2


def test_a_polite_trainer_may_save_what_it_can_before_it_is_killed(run, supervised):
    supervisor = supervised(POLITE, grace=3600)
    request(run, "kill")
    supervisor.wait()
    assert (verdict(run)["code"], verdict(run)["signal"]) == (143, "SIGTERM")
    assert verdict(run)["state"] == "interrupted"


def test_what_nobody_answered_is_answered_at_the_end_or_later(run, supervised):
    supervisor = supervised(SLEEP)
    asked = [request(run, "checkpoint"), request(run, "pause")]
    os.kill(trainer(run).pid, signal.SIGKILL)
    supervisor.wait()
    assert [ack["control"] for ack in acks(run)] == asked
    late = request(run, "stop")
    settle(run)
    settle(run)
    assert [(ack["control"], ack["result"]) for ack in acks(run)[2:]] == [
        (late, "too late: the run was interrupted")
    ]


def test_a_storm_of_requests_is_answered_once_each(run, supervised):
    chance = random.Random(5)
    supervisor = supervised(OBEDIENT_FOR_LONG)
    asked = []
    while supervisor.poll() is None or len(asked) < 60:
        asked.append(request(run, chance.choice(["checkpoint", "checkpoint", "checkpoint", "pause", "stop"])))
    settle(run)
    assert sorted(ack["control"] for ack in acks(run)) == asked
    assert run_status(run).state in (State.PAUSED, State.STOPPED)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_trainer_hears_of_its_supervisors_death(run, supervised, wait_for):
    supervisor = supervised(SLEEP)
    child = trainer(run)
    supervisor.kill()
    wait_for(lambda: not is_alive(child))
    wait_for(lambda: not lock_held(run.lock))
    assert run_status(run).state == State.INTERRUPTED


def test_no_second_trainer_while_one_process_of_the_run_lives(home, run, supervised, wait_for):
    supervisor = supervised(DEAF)
    child = trainer(run)
    supervisor.kill()
    supervisor.wait()
    enqueue(run, device="cpu")
    slot = take_lock(slot_path(home, "cpu"))
    assert is_alive(child)
    assert run_status(run).state == State.RUNNING
    assert claim(run, [slot]) is None
    os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: not lock_held(run.lock))
    assert claim(run, [slot]) == 2
    slot.release()


def test_the_trainers_surroundings(run, supervised, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hush")
    write_json(run.attempt(1).claim, {"device": "cpu", "slot": "cpu"})
    supervised(
        "import json, os\n"
        "leads = os.getpgid(0) == os.getpid()\n"
        "print(json.dumps([dict(os.environ), os.nice(0), leads, os.getcwd()]))"
    ).wait()
    seen, niceness, leads, folder = json.loads(run.attempt(1).log.read_text())
    assert "hush" not in seen.values()
    assert seen["PROMPTREC_HOME"] == str(run.home.root)
    assert seen["HF_HUB_OFFLINE"] == "1"
    assert niceness == min(19, os.nice(0) + 10)
    assert leads
    assert folder == str(run.path)
    assert run.attempt(1).log.stat().st_mode & 0o077 == 0


def test_the_environment_is_an_allow_list(home):
    outer = {"PATH": "/bin", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "1", "CUDA_API_KEY": "x", "AWS_ID": "x"}
    passed = environment(home, outer)
    assert {"PATH", "LC_ALL", "CUDA_VISIBLE_DEVICES", "PROMPTREC_HOME"} <= passed.keys()
    assert not {"CUDA_API_KEY", "AWS_ID"} & passed.keys()


def test_a_launched_run_is_detached_and_holds_its_slot(home, run, wait_for):
    enqueue(run, device="cpu")
    slot = take_lock(slot_path(home, "cpu"))
    attempt = claim(run, [slot])
    pid = launch(Detached(), run.attempt(attempt), [slot])
    assert run_status(run).state in (State.STARTING, State.RUNNING)
    assert lock_held(slot.path)
    assert os.getsid(pid) == pid
    wait_for(run.attempt(1).started.exists)
    request(run, "kill")
    wait_for(lambda: not lock_held(run.lock) and not lock_held(slot.path))
    assert run_status(run).state in (State.INTERRUPTED, State.FAILED)
    os.waitpid(pid, 0)


def test_nothing_is_launched_beside_a_survivor(home, run):
    run.attempt(1).path.mkdir()
    survivor = take_lock(run.lock)
    slot = take_lock(slot_path(home, "cpu"))
    with pytest.raises(UserError, match="still lives"):
        launch(Detached(), run.attempt(1), [slot])
    assert not lock_held(slot.path)
    survivor.release()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no autogroups")
def test_a_session_gives_way_as_a_whole() -> None:
    code = (
        "from pathlib import Path; from promptrec_tui.runs.supervisor import lower_autogroup\n"
        "lower_autogroup(10); print(Path('/proc/self/autogroup').read_text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "10"
