"""What `promptrec doctor` says of the catalogue and its place, and what commands do with a newer one."""

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import psutil
import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home
from promptrec_tui.workspace.maintenance import maintain_home
from promptrec_tui.workspace.opening import opened


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[bool, str]]:
    capsys.readouterr()
    run_command(["doctor", "--json"])
    return {row["check"]: (row["ok"], row["finding"]) for row in json.loads(capsys.readouterr().out)}


def test_a_sound_catalogue_with_room_laid_by(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    checks = findings(capsys)
    assert checks["catalogue"][0]
    assert checks["catalogue"][1].startswith("sound, ")
    assert checks["reserve"][0]
    assert home.disk_reserve.exists()


def test_a_network_disk_is_told_with_the_way_out(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mount = SimpleNamespace(mountpoint="/", fstype="fuse.sshfs")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [mount])
    ok, finding = findings(capsys)["catalogue"]
    assert not ok
    assert "network file system (fuse.sshfs)" in finding
    assert "set PROMPTREC_HOME to a folder on a local disk" in finding
    with opened(home) as workspace:
        assert finding in maintain_home(workspace), "the app says it too"


def test_commands_read_a_newer_catalogue_and_refuse_to_write(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(home):
        pass
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("ALTER TABLE run ADD COLUMN later TEXT")
    capsys.readouterr()
    assert run_command(["template", "list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)[0]["builtin"]
    assert "newer promptrec" in err
    assert run_command(["run", "list"]) == 0
    capsys.readouterr()
    assert run_command(["template", "rename", "nothing", "something"]) == 1
    for words in (["run", "stop", "x"], ["run", "resume", "x"], ["run", "hold", "x"]):
        assert run_command(words) == 1
        assert "newer promptrec" in capsys.readouterr().err
    ok, finding = findings(capsys)["catalogue"]
    assert not ok
    assert "open for reading only" in finding
