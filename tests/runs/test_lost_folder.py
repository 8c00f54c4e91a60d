"""A run whose folder is taken away while it goes: real processes, but for a stub recipe."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from promptrec_tui.files import read_json
from promptrec_tui.home import Home
from promptrec_tui.runs.devices import slot_path
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Process, ground, is_alive, lock_held
from promptrec_tui.runs.queue import enqueue
from promptrec_tui.runs.states import State
from promptrec_tui.runs.status import run_status
from promptrec_tui.workspace.dispatch import dispatch

DEAF = """
import time
from promptrec_tui.runs.states import State
from promptrec_tui.tuning.journal import Outcome

def fine_tune(folder, device, journal, desk):
    end = time.monotonic() + (300 if folder.id == "r1" else 0)
    while time.monotonic() < end:
        time.sleep(0.1)
    return Outcome(State.DONE, "", 0)
"""


def remove(folder: RunFolder) -> None:
    while folder.path.exists():
        shutil.rmtree(folder.path, ignore_errors=True)


def move_away(folder: RunFolder) -> None:
    folder.path.rename(folder.home.root / "elsewhere")


def replace(folder: RunFolder) -> None:
    move_away(folder)
    shutil.copytree(folder.home.root / "elsewhere", folder.path)


def unlock(folder: RunFolder) -> None:
    folder.lock.unlink()


def processes(folder: RunFolder) -> list[Process]:
    started = read_json(folder.attempt(1).started)
    return [Process(**started[name]) for name in ("trainer", "supervisor")]


@pytest.mark.parametrize("take_away", [remove, move_away, replace, unlock])
def test_a_run_without_its_folder_ends_and_the_queue_goes_on(
    home: Home, make_run, stub_recipe, wait_for, take_away
) -> None:
    stub_recipe(DEAF)
    first, second = make_run("r1"), make_run("r2")
    for folder in (first, second):
        enqueue(folder, device="cpu")
    assert dispatch(home) == ["r1"]
    wait_for(lambda: first.heartbeat.exists() and first.attempt(1).started.exists())
    trainer, supervisor = processes(first)
    take_away(first)
    wait_for(lambda: not is_alive(trainer) and not is_alive(supervisor))
    wait_for(lambda: run_status(second).state == State.DONE)
    wait_for(lambda: not lock_held(slot_path(home, "cpu")))
    if take_away is unlock:
        assert run_status(first).state == State.INTERRUPTED
        assert "run.lock" in run_status(first).reason
    if take_away is replace:
        assert not first.attempt(1).exit.exists(), "nothing is written into a folder of another's making"


def test_a_trainer_without_folder_and_supervisor_ends_and_the_queue_goes_on(
    home: Home, make_run, stub_recipe, wait_for
) -> None:
    stub_recipe(DEAF)
    first, second = make_run("r1"), make_run("r2")
    for folder in (first, second):
        enqueue(folder, device="cpu")
    assert dispatch(home) == ["r1"]
    wait_for(lambda: first.heartbeat.exists() and first.attempt(1).started.exists())
    trainer, supervisor = processes(first)
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(supervisor))
    assert is_alive(trainer), "it passes over the SIGTERM that its supervisor's death is to it"
    remove(first)
    wait_for(lambda: run_status(second).state == State.DONE)


def test_what_was_not_there_is_not_missed(run: RunFolder) -> None:
    here = ground(run)
    run.lock.touch()
    assert not here.lost
    assert not ground(run).lost
    run.path.rename(Path(f"{run.path}-aside"))
    assert here.lost
