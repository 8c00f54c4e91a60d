import fcntl
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from promptrec_tui.runs import liveness
from promptrec_tui.runs.liveness import (
    boottime,
    identify,
    is_alive,
    lock_held,
    read_heartbeat,
    send_signal,
    take_lock,
    write_heartbeat,
)


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_lock_is_held_once(tmp_path):
    path = tmp_path / "x.lock"
    assert not lock_held(path)
    lock = take_lock(path)
    assert lock_held(path)
    assert take_lock(path, patience=0) is None
    lock.release()
    assert not lock_held(path)
    take_lock(path).release()


def test_lookers_do_not_see_each_other(tmp_path):
    path = tmp_path / "x.lock"
    with open(path, "w") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        assert not lock_held(path)


def test_a_taker_outlasts_a_looker(tmp_path):
    path = tmp_path / "x.lock"
    with open(path, "w") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        threading.Timer(0.05, lambda: fcntl.flock(looker, fcntl.LOCK_UN)).start()
        take_lock(path, patience=10).release()


def test_an_heir_keeps_the_lock_until_it_dies(tmp_path):
    path = tmp_path / "x.lock"
    lock = take_lock(path)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor]
    ) as heir:
        lock.release()
        assert lock_held(path)
        heir.kill()
        heir.wait()
        assert not lock_held(path)


def test_a_child_that_is_no_heir_does_not_keep_the_lock(tmp_path, sleeper):
    lock = take_lock(tmp_path / "x.lock")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        assert not lock_held(lock.path)
        child.kill()


@pytest.fixture(params=["proc", "psutil"])
def source(request, monkeypatch, tmp_path):
    """Both ways of knowing a process; the second is all there is where /proc is absent."""
    if request.param == "psutil":
        monkeypatch.setattr(liveness, "PROC", tmp_path / "absent")
    liveness.boot_id.cache_clear()
    yield request.param
    liveness.boot_id.cache_clear()


def test_a_process_is_known_by_its_birth(source, sleeper):
    process = identify(sleeper.pid)
    assert process is not None
    assert is_alive(process)
    assert not is_alive(replace(process, start=process.start - 1))
    assert not is_alive(replace(process, boot="another"))


def test_the_dead_are_dead_even_before_they_are_buried(source, sleeper, wait_for):
    process = identify(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(process))
    assert sleeper.returncode is None
    assert not send_signal(process, signal.SIGTERM)


@pytest.mark.parametrize("pidfd", [True, False])
def test_only_the_very_process_is_signalled(source, sleeper, pidfd, monkeypatch):
    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = identify(sleeper.pid)
    assert not send_signal(replace(process, start=process.start + 1), signal.SIGKILL)
    assert sleeper.poll() is None
    assert send_signal(process, signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM


def test_nobody_has_pid_zero_or_the_highest(source):
    assert identify(2**22 + 1) is None


def test_a_heartbeat_is_read_as_written(run):
    assert read_heartbeat(run) is None
    write_heartbeat(run, 2, "training", 7, progressed=1.5)
    heartbeat = read_heartbeat(run)
    assert (heartbeat.attempt, heartbeat.phase, heartbeat.step, heartbeat.progressed) == (
        2,
        "training",
        7,
        1.5,
    )
    assert 0 <= boottime() - heartbeat.beat < 10
    assert heartbeat.boot == liveness.boot_id()
    run.heartbeat.write_text('{"attempt": 2')
    assert read_heartbeat(run) is None
