"""`doctor --rebuild`: the catalogue is lost or damaged, and comes back from what lies in the home."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import (
    CheckpointEvent,
    EvaluationEvent,
    MetricEvent,
    PreviewEvent,
    PreviewUser,
    WarningEvent,
)
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.store import app_lock
from promptrec_tui.store.backup import back_up
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.new_runs import NewRun, make_spec
from promptrec_tui.workspace.opening import Workspace, opened
from promptrec_tui.workspace.rebuild import rebuild
from promptrec_tui.workspace.runs import find_run, refresh
from promptrec_tui.workspace.templates import Template, save_edited, template_versions

OWN = Template(
    "own", "next_item", "en", "{% for i in history %}{{ i.title }}\n{% endfor %}", "{{ item.title }}"
)


def write_run(workspace: Workspace, name: str, template: str, state: str) -> RunFolder:
    """A run with two attempts and events of every kind."""
    spec = make_spec(workspace, NewRun(name, "shop", "next_item", template, "tiny"))
    folder = create_run(workspace.home, spec)
    shown = PreviewUser(user="u1", history=("a",), target="b", rank=3.0, top=())
    for attempt in (1, 2):
        folder.attempt(attempt).path.mkdir()
        with EventLog(folder, attempt) as log:
            log.write(PreviewEvent(step=0, stage="before", users=(shown,)))
            for step in range(1, 30):
                values = {"train_loss": attempt + 1 / step, "ndcg@10": 0.1 * attempt}
                log.write(MetricEvent(step=step, total_steps=30, epoch=0.1, values=values))
            figures = {"metrics": {"mrr": 0.1}, "protocol": {"k": 10}}
            log.write(EvaluationEvent(stage="test", name="tuned", step=29, users=5, **figures))
            log.write(CheckpointEvent(step=20, folder="checkpoint-20", best=True, value=0.3))
            log.write(WarningEvent(message="careful"))
    verdict = {"code": 0, "signal": None, "time": 1.0, "state": state, "reason": "so it was"}
    write_json(folder.attempt(2).exit, verdict)
    return folder


@pytest.fixture
def stocked(home: Home, shop: Path) -> Home:
    """A home with a dataset, a template of one's own in two versions, and two runs."""
    with opened(home) as workspace:
        import_source(workspace, shop / "events.csv", "shop", ImportOptions(items=shop / "items.csv"))
        first = save_edited(workspace, OWN, "").row
        write_run(workspace, "one", "own", "done")
        save_edited(workspace, replace(OWN, completion="{{ item.title }}."), first.id)
        write_run(workspace, "two", "list", "failed")
        refresh(workspace)
    return home


RUN_TABLES = ("run", "metric", "preview", "evaluation", "warning")


def dump(home: Home, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of some tables."""
    with closing(sqlite3.connect(home.database)) as connection:
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def spoil(home: Home) -> None:
    """Noise over all but the first page."""
    data = bytearray(home.database.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    home.database.write_bytes(data)


def test_a_sound_catalogue_comes_back_to_the_last_row(stocked: Home) -> None:
    tables = (*RUN_TABLES, "dataset", "template", "model")
    before = dump(stocked, *tables)
    assert len(before["metric"]) == 4 * 29 * 2
    rebuilt = rebuild(stocked)
    assert dump(stocked, *tables) == before
    assert (rebuilt.runs, rebuilt.datasets, rebuilt.losses) == (2, 1, ())
    assert rebuilt.old
    with closing(sqlite3.connect(rebuilt.old)) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (2,), "the old one is kept"


@pytest.mark.parametrize("how", ["deleted", "noise", "no database"])
def test_every_figure_of_every_run_comes_back_without_the_catalogue(stocked: Home, how: str) -> None:
    before = dump(stocked, *RUN_TABLES)
    dataset = dump(stocked, "dataset")["dataset"]
    if how == "deleted":
        stocked.database.unlink()
    elif how == "noise":
        spoil(stocked)
    else:
        stocked.database.write_bytes(b"this was a catalogue" * 1000)
    rebuilt = rebuild(stocked)
    assert dump(stocked, *RUN_TABLES) == before
    ((identity, name, file, sha256, *_),) = dump(stocked, "dataset")["dataset"]
    assert (identity, name, file, sha256) == dataset[0][:4]
    assert rebuilt.losses == ("Templates that no run used may be missing.",)
    assert (rebuilt.old is None) == (how == "deleted")
    with opened(stocked) as workspace:
        assert [row.version for row in template_versions(workspace, "own")] == [1]
        assert template_versions(workspace, "list")[0].builtin
        assert find_run(workspace, "two").reason == "so it was"


def test_what_is_torn_is_completed_from_the_newest_copy(stocked: Home) -> None:
    tables = (*RUN_TABLES, "dataset", "template", "model")
    before = dump(stocked, *tables)
    back_up(stocked.database, stocked.backups, "0001")
    spoil(stocked)
    with (
        pytest.raises(UserError, match=r"damaged: 'promptrec doctor --rebuild'.*newest good copy is"),
        opened(stocked),
    ):
        pass
    rebuilt = rebuild(stocked)
    assert dump(stocked, *tables) == before
    assert "after promptrec-" in rebuilt.losses[0]


def test_what_cannot_come_back_is_said(stocked: Home, shop: Path) -> None:
    with opened(stocked) as workspace:
        lonely = import_source(
            workspace, shop / "events.csv", "lonely", ImportOptions(items=shop / "items.csv")
        )
        broken = find_run(workspace, "two")
    stocked.database.unlink()
    (stocked.runs / broken.id / "run.json").write_text("{")
    (stocked.datasets / "torn.sqlite").write_text("no dataset")
    (stocked.models / "half").mkdir()
    losses = "\n".join(rebuild(stocked).losses)
    assert f"A dataset without a run lost its name: it is recovered-{lonely.id} now." in losses
    assert "Dataset file torn.sqlite cannot be listed" in losses
    assert "Model half in" in losses
    assert "run.json is damaged" in losses


def test_an_open_catalogue_is_not_put_aside(stocked: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_lock, "PATIENCE", 0.1)
    with (
        opened(stocked),
        pytest.raises(UserError, match="open: close it, so that its catalogue can be rebuilt"),
    ):
        rebuild(stocked)
    assert list(stocked.backups.iterdir()) == []


def test_the_command_tells_what_came_back(stocked: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--rebuild", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["runs"], document["losses"]) == (2, [])
    assert run_command(["doctor", "--rebuild"]) == 0
    out = capsys.readouterr().out
    assert "A new catalogue was made: 2 runs, 1 datasets" in out
    assert "The old one is in" in out
