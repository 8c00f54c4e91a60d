import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import (
    AckEvent,
    CheckpointEvent,
    EvaluationEvent,
    Event,
    FinishedEvent,
    Lead,
    MetricEvent,
    PhaseEvent,
    PreviewEvent,
    PreviewUser,
    Shown,
    WarningEvent,
)
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.queue import enqueue
from promptrec_tui.runs.states import State
from promptrec_tui.store import runs as store
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.runs import add_run, delete_run, find_run, list_runs
from promptrec_tui.store.series import metric_series

TOP = [{"key": "7", "title": "红高粱", "logprob": -1.5}]


def finish(folder: RunFolder, attempt: int, state: str, reason: str = "") -> None:
    """An attempt that has ended with this verdict."""
    place = folder.attempt(attempt)
    place.path.mkdir(parents=True, exist_ok=True)
    verdict = {"code": 0, "signal": None, "time": 1.0, "state": state, "reason": reason}
    place.exit.write_text(json.dumps(verdict))


def dump(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(home.database)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


@dataclass(frozen=True)
class EventOfNextYear(Event):
    """A kind that this version does not know."""

    kind: ClassVar = "a kind of next year"

    anything: int


@pytest.fixture
def full_run(make_run) -> RunFolder:
    """A finished run with events of every kind, two attempts of which the second did steps 3 and 4 again."""
    folder = make_run("full", name="full")
    top = tuple(Shown(**item) for item in TOP)
    shown = PreviewUser("u1", ("甲", "B"), "C", 40.0, top)
    both = (shown, replace(shown, user="u0", rank=3))
    untuned = {"metrics": {"mrr": 0.1}, "protocol": {"k": 10}}
    with EventLog(folder, 1) as log:
        log.write(PhaseEvent(phase="checking", done=0, total=2, message="", part="check"))
        log.write(PreviewEvent(step=0, stage="before", users=both))
        log.write(EvaluationEvent(stage="test", name="untuned", step=0, users=5, **untuned))
        for step in (1, 2, 3, 4):
            log.write(MetricEvent(step=step, total_steps=6, epoch=0.1, values={"train_loss": 5.0 - step}))
        log.write(CheckpointEvent(step=2, folder="checkpoint-2", best=True, value=0.3))
    with EventLog(folder, 2) as log:
        log.write(MetricEvent(step=3, total_steps=6, epoch=0.1, values={"train_loss": float("nan")}))
        log.write(MetricEvent(step=4, total_steps=6, epoch=0.1, values={"train_loss": 0.25, "ndcg@10": 0.5}))
        log.write(PreviewEvent(step=4, stage="now", users=(replace(shown, rank=9.5),)))
        log.write(CheckpointEvent(step=4, folder="checkpoint-4", best=True, value=0.5))
        log.write(MetricEvent(step=6, epoch=1.0, values={"train_loss": 0.5, "ndcg@10": 0.4}))
        log.write(CheckpointEvent(step=6, folder="checkpoint-6", best=False, value=0.4))
        log.write(PreviewEvent(step=6, stage="after", users=(replace(shown, rank=2.0),)))
        log.write(PreviewEvent(step=6, stage="blend", users=(replace(shown, rank=1.0),)))
        log.write(WarningEvent(message="seen before"))
        log.write(WarningEvent(message="seen before"))
        log.write(AckEvent(control=1, command="stop", result="done"))
        log.write(EventOfNextYear(anything=1))
        log.write(PhaseEvent(phase="finishing", done=1, total=None, message="", part="result"))
        log.write(FinishedEvent(state=State.DONE, reason="", step=6))
    finish(folder, 1, "interrupted")
    finish(folder, 2, "done")
    return folder


def test_a_run_is_listed_with_all_that_its_events_say(
    home: Home, catalogue: Catalogue, full_run: RunFolder
) -> None:
    assert ingest(home, catalogue) == 22
    row = find_run(catalogue, "full")
    assert (row.state, row.attempt, row.step, row.total_steps, row.best_step) == (State.DONE, 2, 6, 6, 4)
    assert (row.train_loss, row.best_metric, row.best_value) == (0.5, "ndcg@10", 0.5)
    assert (row.phase, row.phase_done, row.phase_total) == ("finishing", 1, None)
    assert (row.dataset, row.template, row.model, row.task) == ("films", "list", "tiny", "next_item")
    assert row.created == "2020-11-24T10:00:00+00:00" < row.updated
    assert row.sparkline == (4.0, 3.0, 2.0, 0.625, 0.5), "means over stretches of steps, gaps left out"
    assert store.warnings(catalogue, "full") == ["seen before"]
    (evaluation,) = store.evaluations(catalogue, "full")
    assert (evaluation.name, evaluation.users, evaluation.metrics, evaluation.protocol) == (
        "untuned", 5, {"mrr": 0.1}, {"k": 10},
    )  # fmt: skip


def test_a_later_attempt_wins_and_nan_is_a_gap(home: Home, catalogue: Catalogue, full_run: RunFolder) -> None:
    ingest(home, catalogue)
    assert metric_series(catalogue, "full", ["train_loss", "ndcg@10", "nothing"]) == {
        "train_loss": [(1, 4.0), (2, 3.0), (3, None), (4, 0.25), (6, 0.5)],
        "ndcg@10": [(4, 0.5), (6, 0.4)],
        "nothing": [],
    }


def test_previews_show_the_first_before_the_last_since_and_the_blend(
    home: Home, catalogue: Catalogue, full_run: RunFolder
) -> None:
    ingest(home, catalogue)
    shown = store.previews(catalogue, "full")
    assert [(row.user, row.stage, row.step, row.rank) for row in shown] == [
        ("u1", "before", 0, 40.0),
        ("u1", "after", 6, 2.0),
        ("u1", "blend", 6, 1.0),
        ("u0", "before", 0, 3.0),
    ]
    top = tuple(asdict(Shown(**item)) for item in TOP)
    assert (shown[0].history, shown[0].target, shown[0].top) == (("甲", "B"), "C", top)


def test_reading_again_adds_nothing(home: Home, catalogue: Catalogue, full_run: RunFolder) -> None:
    ingest(home, catalogue)
    once = dump(home)
    assert ingest(home, catalogue) == 0
    assert dump(home) == once
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("UPDATE run SET offset = 0, seen = ''")
        connection.commit()
    assert ingest(home, catalogue) == 22, "from the first byte again"
    assert dump(home) == once


def test_a_deleted_catalogue_comes_back_from_the_folders(
    home: Home, catalogue: Catalogue, full_run: RunFolder, make_run, train
) -> None:
    train(make_run("second"), 1, [1, 2, 3])
    ingest(home, catalogue)
    train(RunFolder(home.runs / "second"), 1, [4, 5])
    ingest(home, catalogue)
    before = dump(home)
    assert len(before["metric"]) == 19
    catalogue.close()
    home.database.unlink()
    again = open_catalogue(home)
    ingest(home, again)
    again.close()
    assert dump(home) == before


def test_a_torn_last_line_waits_for_its_end(home: Home, catalogue: Catalogue, make_run, train) -> None:
    folder = make_run("r1")
    train(folder, 1, [1, 2])
    whole = folder.events.read_bytes()
    cut = whole.rindex(b'"values"')
    folder.events.write_bytes(whole[:cut])
    assert ingest(home, catalogue) == 1
    assert find_run(catalogue, "r1").step == 1
    with open(folder.events, "ab") as events:
        events.write(whole[cut:])
    assert ingest(home, catalogue) == 1
    assert find_run(catalogue, "r1").step == 2


def test_an_event_without_its_fields_becomes_a_warning(home: Home, catalogue: Catalogue, make_run) -> None:
    folder = make_run("r1")
    folder.events.write_text('{"seq": 1, "attempt": 1, "kind": "metric", "values": {"train_loss": 1.0}}\n')
    with EventLog(folder, 1) as log:
        log.write(MetricEvent(step=2, total_steps=3, values={"train_loss": 2.0}))
    assert ingest(home, catalogue) == 2
    assert metric_series(catalogue, "r1", ["train_loss"]) == {"train_loss": [(2, 2.0)]}
    assert store.warnings(catalogue, "r1") == [
        "events.jsonl: a metric event is left out, as it does not fit: step is missing."
    ]


def test_folders_that_cannot_be_read_stop_no_other(home: Home, catalogue: Catalogue, make_run, train) -> None:
    for name in ("a", "b", "c"):
        train(make_run(name), 1, [1])
    spec = RunFolder(home.runs / "a").spec_file.read_bytes()
    RunFolder(home.runs / "a").spec_file.write_text("{")
    events = RunFolder(home.runs / "b").events
    events.rename(events.with_name("aside"))
    events.mkdir()
    assert ingest(home, catalogue) == 1
    rows = {row.id: row for row in list_runs(catalogue)}
    assert "run.json is damaged" in rows["a"].reason
    assert (rows["a"].name, rows["a"].state) == ("a", State.FAILED)
    assert "events.jsonl" in rows["b"].reason
    assert (rows["c"].step, rows["c"].reason) == (1, "")

    RunFolder(home.runs / "a").spec_file.write_bytes(spec)
    events.rmdir()
    events.with_name("aside").rename(events)
    assert ingest(home, catalogue) == 2, "a mended folder is read"
    rows = {row.id: row for row in list_runs(catalogue)}
    assert [(rows[name].name, rows[name].step, rows[name].reason) for name in "ab"] == [
        ("run a", 1, ""),
        ("run b", 1, ""),
    ]


def test_states_follow_the_folder(home: Home, catalogue: Catalogue, make_run) -> None:
    folder = make_run("r1")

    def state() -> tuple[State, str]:
        ingest(home, catalogue)
        row = find_run(catalogue, "r1")
        return row.state, row.reason

    assert state() == (State.DRAFT, "")
    enqueue(folder)
    assert state() == (State.QUEUED, "")
    finish(folder, 1, "failed", "The disk was full.")
    assert state() == (State.FAILED, "The disk was full.")
    enqueue(folder)
    assert state() == (State.QUEUED, "")
    finish(folder, 2, "done")
    assert state() == (State.DONE, "")


def test_a_vanished_folder_takes_its_run_along(
    home: Home, catalogue: Catalogue, make_run, make_spec, train
) -> None:
    train(make_run("r1"), 1, [1])
    add_run(catalogue, make_spec("early"))
    ingest(home, catalogue)
    shutil.rmtree(home.runs / "r1")
    ingest(home, catalogue)
    assert [row.id for row in list_runs(catalogue)] == ["early"], "listed, but its folder is still to come"
    assert dump(home)["metric"] == []


def test_runs_are_listed_newest_first_and_names_are_unique(catalogue: Catalogue, make_spec) -> None:
    add_run(catalogue, make_spec("r1", name="one", created="2020-11-24T10:00:00+00:00"))
    add_run(catalogue, make_spec("r2", name="two", created="2020-11-24T11:00:00+00:00"))
    assert [row.name for row in list_runs(catalogue)] == ["two", "one"]
    with pytest.raises(UserError, match="A run called 'one' exists already"):
        add_run(catalogue, make_spec("r3", name="one"))


def test_adding_a_run_that_an_ingest_found_first_keeps_its_figures(
    home: Home, catalogue: Catalogue, make_run, make_spec, train
) -> None:
    train(make_run("r1"), 1, [1, 2])
    ingest(home, catalogue)
    assert add_run(catalogue, make_spec("r1")).step == 2
    assert len(list_runs(catalogue)) == 1


def test_a_copied_folder_gets_a_name_of_its_own(home: Home, catalogue: Catalogue, make_run, train) -> None:
    folder = make_run("r1", name="one")
    train(folder, 1, [1])
    shutil.copytree(folder.path, home.runs / "r2")
    ingest(home, catalogue)
    assert {row.id: row.name for row in list_runs(catalogue)} == {"r1": "one", "r2": "one (r2)"}


def test_a_deleted_run_takes_its_figures_along(home: Home, catalogue: Catalogue, full_run: RunFolder) -> None:
    ingest(home, catalogue)
    delete_run(catalogue, "full")
    left = dump(home)
    assert {name: len(rows) for name, rows in left.items() if rows} == {"alembic_version": 1}


def test_nothing_is_written_while_nothing_happens(
    home: Home, catalogue: Catalogue, full_run: RunFolder
) -> None:
    ingest(home, catalogue)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert ingest(home, catalogue) == 0, "a writer would have waited for the lock"


def test_ten_thousand_metric_events_in_less_than_a_second(home: Home, catalogue: Catalogue, make_run) -> None:
    folder = make_run("r1")
    values = {"train_loss": 1.5, "learning_rate": 1e-3, "targets_per_second": 900.0}
    with open(folder.events, "w") as events:
        for seq in range(1, 10_001):
            event = {
                "seq": seq,
                "attempt": 1,
                "time": 1.0,
                "kind": "metric",
                "step": seq,
                "total_steps": 10_000,
            }
            events.write(json.dumps({**event, "values": values}) + "\n")
    assert ingest(home, catalogue) == 10_000
    assert len(metric_series(catalogue, "r1", ["train_loss"], 400)["train_loss"]) <= 400


READER = """
import sys, time
from promptrec_tui.home import find_home
from promptrec_tui.store.engine import open_catalogue
from promptrec_tui.store.ingest import ingest
home = find_home()
catalogue = open_catalogue(home)
print("ready", flush=True)
read = 0
while not (home.root / "enough").exists():
    read += ingest(home, catalogue)
print(read + ingest(home, catalogue))
"""


def test_two_processes_may_read_a_growing_run_at_once(
    home: Home, catalogue: Catalogue, make_run, train
) -> None:
    folder = make_run("r1")
    other = subprocess.Popen([sys.executable, "-c", READER], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    mine = 0
    for step in range(1, 51):
        train(folder, 1, [step])
        mine += ingest(home, catalogue)
    (home.root / "enough").touch()
    theirs = int(other.stdout.read())
    assert other.wait() == 0
    assert mine + ingest(home, catalogue) + theirs == 50, "each event is read once"
    points = metric_series(catalogue, "r1", ["train_loss"])["train_loss"]
    assert [step for step, _ in points] == list(range(1, 51))
    assert find_run(catalogue, "r1").step == 50


def test_the_best_value_is_that_of_the_metric_that_leads(make_run, catalogue, home) -> None:
    folder = make_run("lead", name="lead")
    with EventLog(folder, 1) as log:
        for step, value in ((0, 0.1), (4, 0.9), (8, 0.5), (12, 0.7)):
            lead = Lead("logloss", higher_is_better=False)
            log.write(MetricEvent(step=step, values={"logloss": value, "accuracy": 0.3}, lead=lead))
    ingest(home, catalogue)
    row = find_run(catalogue, "lead")
    assert (row.best_metric, row.best_value) == ("logloss", 0.5)


def test_what_an_older_catalogue_lacks_is_filled_in_at_the_next_reading(home, catalogue, make_run) -> None:
    make_run("r1")
    ingest(home, catalogue)
    before = list_runs(catalogue)
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute("UPDATE run SET method = '', learning_rate = NULL, seed = NULL, seen = 'older'")
    assert list_runs(catalogue)[0].method == ""
    ingest(home, catalogue)
    assert list_runs(catalogue) == before
    assert (before[0].method, before[0].learning_rate, before[0].seed) == ("lora", 1e-3, 1)
