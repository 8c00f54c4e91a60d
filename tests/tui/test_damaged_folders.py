"""Whatever one run's folder holds, the others are listed, shown, queued and started.

PROMPTREC_FUZZ is the number of cases, 40 if unsaid; PROMPTREC_FUZZ_SEED the first one.
"""

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.checkpoints import checkpoint_path, newest_verified, publish, quarantine_damaged
from promptrec_tui.runs.folder import AttemptFolder, RunFolder
from promptrec_tui.runs.launchers import Launcher
from promptrec_tui.runs.liveness import Lock, take_lock, write_heartbeat
from promptrec_tui.runs.queue import enqueue
from promptrec_tui.runs.requests import request
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.runs import LOSSES
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.workspace import run_views, runs
from promptrec_tui.workspace.control import resume_run, stop_run
from promptrec_tui.workspace.dispatch import dispatch
from promptrec_tui.workspace.lineage import remedy
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.run_config import run_config
from promptrec_tui.workspace.run_document import run_document
from promptrec_tui.workspace.run_logs import log_news
from promptrec_tui.workspace.run_views import refreshed_runs, run_view
from tests.tui.conftest import write_dataset, write_run
from tests.tui.damaging import spoil
from tests.waiting import rest

CASES = int(os.environ.get("PROMPTREC_FUZZ", "40"))


@pytest.fixture
def three(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The runs good and bad, which are paused and have every file, and waiting, which is queued."""
    dataset = write_dataset(home, tmp_path)
    for name in ("good", "bad", "waiting"):
        folder = write_run(home, dataset, name, name, 60)
        write_json(folder.attempt(1).claim, {"device": "cpu", "slot": "cpu"})
        asked = {"attempt": 1, "position": 1.0, "priority": 0, "hold": False, "device": "cpu"}
        write_json(folder.attempt(1).path / "asked.json", {**asked, "continue_after_failure": True})
        write_heartbeat(folder, 1, "training", 60, 1.0)
        request(folder, "checkpoint")
        checkpoint_path(folder, 60).mkdir(parents=True)
        (checkpoint_path(folder, 60) / "trainer_state.json").write_text("{}")
        publish(folder, 60, {"best_step": 60})
        write_report(folder)
    monkeypatch.setattr("promptrec_tui.workspace.runs.spawn_dispatch", lambda home: None)
    monkeypatch.setattr("promptrec_tui.workspace.dispatch.launch_best", give_up)
    return home


def write_report(folder: RunFolder) -> None:
    figures = {"hr@10": 0.2, "ndcg@10": 0.1, "mrr@10": 0.1, "mrr": 0.1}
    interval = {"value": 0.1, "low": 0.0, "high": 0.2}
    gain = {"before": {"ndcg@10": interval}, "best_baseline": {"name": "markov", "ndcg@10": interval}}
    metrics = {"before": figures, "after": figures, "baselines": {"markov": figures}, "gain": gain}
    protocol = {"split": "leave_one_out", "catalogue": 12, "k": 10}
    folder.result.mkdir()
    write_json(
        folder.report, {"protocol": protocol, "preview_users": ["u1"], "users": 20, "metrics": metrics}
    )


def give_up(_launcher: Launcher, _attempt: AttemptFolder, slots: Sequence[Lock]) -> None:
    """Start nothing; the device is free again."""
    for slot in slots:
        slot.release()


def spoiled(home: Home, seed: int) -> str:
    """Damage the folder of the run bad; says what was done."""
    chance = random.Random(seed)
    folder = RunFolder(home.runs / "bad")
    if chance.random() < 0.3:
        enqueue(folder, device="cpu")
    return "; ".join(spoil(chance, folder.path) for _ in range(chance.choice([1, 1, 2])))


def check(home: Home, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row.id: row for row in refreshed_runs(workspace)}
    assert rows["good"].reason == ""
    assert (rows["good"].state, rows["waiting"].state) == ("paused", "queued")
    for name in rows:
        try:
            run_document(workspace, name)
            run_view(workspace, name)
            run_views.curves(workspace, name, LOSSES)
            run_config(workspace, name)
        except UserError as error:
            if name != "bad" or "bad" not in str(error):
                raise
        log_news(workspace, name, None, 0)
    assert run_command(["run", "list"]) == 0
    if "bad" in rows:
        assert run_command(["run", "show", "bad"]) == run_command(["run", "show", "bad", "--json"])
    said = capsys.readouterr()
    assert "Unexpected" not in said.err
    assert "Traceback" not in said.err
    with suppress(UserError):
        remedy(workspace, "bad")
    assert "waiting" in dispatch(home)
    for verb in (stop_run, resume_run, stop_run):
        with suppress(UserError):
            verb(workspace, "bad")
    folder = RunFolder(home.runs / "bad")
    with suppress(NotADirectoryError):
        newest_verified(folder)
        quarantine_damaged(folder)


@pytest.fixture
def trial(three: Home, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(three.runs, tmp_path / "whole")
    with opened(three) as workspace:
        yield workspace


def restore(workspace: Workspace, whole: Path) -> None:
    """Folders as they were, and a catalogue that knows bad no more; waiting waits."""
    home = workspace.home
    for name in ("bad", "waiting"):
        shutil.rmtree(home.runs / name)
    runs.refresh(workspace)
    for name in ("bad", "waiting"):
        shutil.copytree(whole / name, home.runs / name)
    enqueue(RunFolder(home.runs / "waiting"), device="cpu", position=9)
    for slot in home.slots.iterdir():
        slot.unlink()


def test_one_bad_folder_never_blinds_the_rest(
    trial: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = int(os.environ.get("PROMPTREC_FUZZ_SEED", "0"))
    for seed in range(first, first + CASES):
        restore(trial, tmp_path / "whole")
        if seed % 2:
            runs.refresh(trial)
        damage = spoiled(trial.home, seed)
        try:
            check(trial.home, trial, capsys)
        except BaseException as error:
            error.add_note(f"case {seed}: {damage}")
            raise


WRECKS = {
    "queue.json": b'{"attempt": 2, "position": "x", "priority": [], "hold": 1, "device": 5}',
    "attempts/1/exit.json": b"",
    "attempts/1/started.json": b"\0\0\0",
    "result/report.json": b'{"metrics": 5}',
    "run.json": b"[" * 9999,
    "control/0001.json": b'{"command": "stop", "attempt": 1e300}',
}


@pytest.mark.parametrize("name", WRECKS)
def test_a_damaged_file_is_named(trial: Workspace, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs.refresh(trial)
    path = trial.home.runs / "bad" / name
    path.write_bytes(WRECKS[name])
    runs.refresh(trial)
    if name in ("attempts/1/started.json", "control/0001.json"):
        message = " ".join(run_document(trial, "bad")["warnings"])  # nothing that is listed comes of them
    else:
        message = next(row.reason for row in runs.list_runs(trial) if row.id == "bad")
        assert run_command(["run", "list"]) == 0
        assert capsys.readouterr().err == f"promptrec: bad: {message}\n"
    assert message.count(str(path)) == 1


EVENTS = (
    b'{"seq": 900, "attempt": 1, "kind": "metric", "step": "x", "values": {}}',
    b'{"seq": 901, "attempt": 1, "kind": "metric", "step": 1e300, "values": {}}',
    b'{"seq": 902, "attempt": 1, "time": 1e300, "kind": "warning", "message": "y"}',
    b'{"seq": 903, "attempt": 1, "kind": "checkpoint", "step": ' + b"9" * 30 + b', "best": true}',
    b'{"seq": 904, "attempt": 1, "kind": "ack", "control": [1]}',
    b'{"seq": ' + b"9" * 5000 + b', "attempt": 1, "kind": "warning", "message": "y"}',
    b'{"seq": 905, "attempt": 1, "kind": "warning", "message": ' + b"[" * 9999 + b"]" * 9999 + b"}",
    b"null",
)


@pytest.mark.parametrize("line", EVENTS, ids=range(len(EVENTS)))
def test_an_odd_event_is_one_warning(trial: Workspace, line: bytes) -> None:
    runs.refresh(trial)
    with open(trial.home.runs / "bad" / "events.jsonl", "ab") as events:
        events.write((line + b"\n") * 3)
    runs.refresh(trial)
    (warning,) = run_document(trial, "bad")["warnings"]
    assert "events.jsonl" in warning
    with open(trial.home.runs / "bad" / "events.jsonl", "ab") as events:
        events.write(b'{"seq": 999, "attempt": 1, "kind": "warning", "message": "read on", "new": [1]}\n')
        events.write(b'{"seq": 1000, "attempt": 1, "kind": "of a newer trainer", "step": "x"}\n')
    runs.refresh(trial)
    assert "read on" in run_document(trial, "bad")["warnings"]
    assert len(run_document(trial, "bad")["warnings"]) == 2


@pytest.mark.parametrize("name", ["run.json", "attempts/1/exit.json", "result/report.json", "events.jsonl"])
async def test_the_app_shows_the_others(three: Home, name: str, until, screen_text) -> None:
    path = three.runs / "bad" / name
    if name == "events.jsonl":
        with open(path, "ab") as events:
            events.write(b"\n".join(EVENTS) + b"\n")
    else:
        path.write_bytes(WRECKS[name])
    app = PromptrecApp(three)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: all(run in screen_text(app) for run in ("good", "bad", "waiting")))
        app.screen.query_one(RunTable).choose("bad")
        await pilot.press("enter")
        await rest(pilot, 0.3)
        assert "Unexpected" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query(RunTable))
        app.screen.query_one(RunTable).choose("good")
        await pilot.press("enter")
        await until(pilot, lambda: "60/240" in screen_text(app))
        assert "Unexpected" not in screen_text(app)


def test_the_lock_of_a_run_may_be_anything(three: Home) -> None:
    for name in ("run.lock", "queue.lock"):
        (three.runs / "bad" / name).unlink(missing_ok=True)
        (three.runs / "bad" / name).mkdir()
    enqueue(RunFolder(three.runs / "waiting"), device="cpu")
    assert dispatch(three) == ["waiting"]
    with opened(three) as workspace:
        assert len(refreshed_runs(workspace)) == 3
    assert take_lock(RunFolder(three.runs / "good").lock)


HUGE = (
    b'{"seq": 910, "attempt": 1, "kind": "metric", "step": 1000000000000000, "total_steps": 5, "values": '
    b'{"train_loss": 1e38, "ndcg@10": -1e38, "hr@10": 1e300, "validation_loss": null, "x": 1}}',
    b'{"seq": 911, "attempt": 1, "kind": "metric", "step": 5, "values": '
    b'{"train_loss": -1e38, "hr@10": 5e-324}}',
    b'{"seq": 912, "attempt": 1, "kind": "phase", "phase": "\\u001b[31m", "total": 0, '
    b'"done": 1000000000000000}',
    b'{"seq": 913, "attempt": 1, "kind": "preview", "step": 0, "stage": "now", "users": [{"user": "u1", '
    b'"history": [], "target": "", "rank": 1e300, "top": []}]}',
    b'{"seq": 914, "attempt": 1, "kind": "evaluation", "stage": "validation", "name": "x", "users": 0, '
    b'"metrics": {"ndcg@10": 1e300}, "protocol": {"k": [null]}}',
)


async def test_extreme_figures_are_drawn(three: Home, until, screen_text) -> None:
    with open(three.runs / "bad" / "events.jsonl", "ab") as events:
        events.write(b"\n".join(HUGE) + b"\n")
    app = PromptrecApp(three)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: "bad" in screen_text(app))
        app.screen.query_one(RunTable).choose("bad")
        await pilot.press("enter")
        await until(pilot, lambda: "Curves" in screen_text(app))
        for key in (*"jjjj+++hhzVNOMMYAA0$", "]", "l", "]", "]", "]"):
            await pilot.press(key)
            await rest(pilot, 0.1)
            assert "Unexpected" not in screen_text(app)
