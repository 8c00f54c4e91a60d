"""Titles that a tokenizer makes into the same tokens are one answer."""

import shutil
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home

CASE = Path(__file__).parent / "same-tokens"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that succeeds; its stdout."""
    capsys.readouterr()
    status = run_command(arguments)
    out, err = capsys.readouterr()
    assert status == 0, err
    return out


@pytest.fixture
def case(home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    """The inputs of the case; its events are the dataset d, its model is m."""
    folder = tmp_path / "case"
    shutil.copytree(CASE, folder)
    events, items = str(folder / "events.csv"), str(folder / "items.csv")
    call(capsys, "dataset", "import", events, "--items", items, "--name", "d")
    call(capsys, "model", "add", str(folder / "model"), "--name", "m")
    return folder


def test_the_audit_names_the_items(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "template", "audit", "--dataset", "d", "--template", "list", "--model", "m")
    assert "2 are one answer: i1 'Alien', i2 'ALIEN'" in out
    assert not [line for line in out.splitlines() if "begin with" in line and "Alien" in line]
