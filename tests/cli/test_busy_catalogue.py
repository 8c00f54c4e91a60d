"""Commands while another program holds the catalogue: what was done decides the exit status."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder, run_folders
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.queue import queue_entry
from promptrec_tui.runs.requests import all_requests
from promptrec_tui.workspace.new_runs import NewRun, start_run
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.runs import find_run, list_runs, refresh

START = ("run", "start", "--dataset", "shop", "--template", "list", "--model", "tiny")

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ready(home: Home, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with a dataset and the runs a, b, c in the queue, which stands still."""
    for place in ("runs", "queue"):
        monkeypatch.setattr(f"promptrec_tui.workspace.{place}.spawn_dispatch", lambda home: None)
    for place in ("ingest", "runs"):
        monkeypatch.setattr(f"promptrec_tui.store.{place}.PATIENCE", 0.05)
    items = str(shop / "items.csv")
    assert (
        run_command(["dataset", "import", str(shop / "events.csv"), "--items", items, "--name", "shop"]) == 0
    )
    for name in "abc":
        assert run_command([*START, "--name", name]) == 0
    return home


@pytest.fixture
def held(ready: Home) -> Iterator[Home]:
    """The same, with the catalogue's write lock held by another process."""
    command = [sys.executable, "-c", HOLD, str(ready.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        yield ready
        holder.kill()


def folder_of(home: Home, name: str) -> RunFolder:
    return next(folder for folder in run_folders(home) if folder.spec().name == name)


def end(folder: RunFolder) -> None:
    folder.queue_file.unlink()
    folder.attempt(1).path.mkdir()
    write_json(folder.attempt(1).exit, {"state": "paused", "reason": "", "code": 0})


def test_every_verb_is_done_while_the_catalogue_is_held(
    held: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*words: str) -> dict[str, object]:
        capsys.readouterr()
        assert run_command([*words, "--json"]) == 0
        out, err = capsys.readouterr()
        assert "catch up" in err or "seconds old" in err
        document: dict[str, object] = json.loads(out)
        return document

    a, b, c = (folder_of(held, name) for name in "abc")
    assert say(*START, "--name", "d")["state"] == "queued"
    assert queue_entry(folder_of(held, "d"))
    assert say("run", "show", "d")["name"] == "d", "a run is found before it is listed"
    assert say("run", "move", "c", "top")["queue"]["place"] == 1
    assert say("run", "priority", "b", "7")["queue"]["priority"] == 7
    assert say("run", "hold", "b")["reason"] == "held"
    assert say("run", "release", "b")["reason"] == ""
    assert say("run", "after-failure", "b", "stop")["queue"]["continue_after_failure"] is False
    assert say("run", "stop", "c")["state"] == "draft"
    assert queue_entry(c) is None
    assert say("run", "resume", "c")["state"] == "queued"
    assert say("run", "fork", "a", "--name", "e")["state"] == "queued"
    end(a)
    assert say("run", "resume", "a")["state"] == "queued"
    assert queue_entry(a)
    end_lock = take_lock(b.lock)
    b.queue_file.unlink()
    b.attempt(1).path.mkdir()
    for verb in ("checkpoint", "pause", "stop", "kill"):
        assert say("run", verb, "b")["request"]["command"] == verb
    assert [request.command for request in all_requests(b)] == ["checkpoint", "pause", "stop", "kill"]
    assert end_lock
    end_lock.release()
    say("run", "delete", "d")
    assert {folder.spec().name for folder in run_folders(held)} == {"a", "b", "c", "e"}
    capsys.readouterr()
    assert run_command(["run", "list"]) == 0
    shown = capsys.readouterr()
    assert "may be some seconds old" in shown.err
    assert "shop" in shown.out


def test_of_many_starts_exactly_those_that_say_so_are_queued(ready: Home) -> None:
    def start(number: int) -> str:
        with opened(ready) as workspace:
            try:
                return start_run(workspace, NewRun(f"n{number}", "shop", "next_item", "list", "tiny")).id
            except UserError:
                return ""

    with ThreadPoolExecutor(24) as pool:
        started = set(pool.map(start, range(24))) - {""}
    queued = {folder.id for folder in run_folders(ready) if queue_entry(folder)}
    before = {folder_of(ready, name).id for name in "abc"}
    assert queued - before == started
    assert len(started) == 24, "the catalogue is no reason to refuse one"
    with opened(ready) as workspace:
        refresh(workspace)
        assert {row.id for row in list_runs(workspace)} == queued
        assert find_run(workspace, "n7").name == "n7"


def test_a_name_is_taken_before_its_run_is_listed(held: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*START, "--name", "twin"]) == 0
    assert run_command([*START, "--name", "twin"]) == 1
    assert "A run called 'twin' exists already" in capsys.readouterr().err
    assert len(run_folders(held)) == 4
