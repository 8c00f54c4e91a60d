"""Tools and documents of a chat are none, as transformers passes them."""

import shutil
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home

CASE = Path(__file__).parent / "chat-tools-none"


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


RENDER = ("template", "render", "--dataset", "d", "--user", "u1", "--model", "m")
RENDER += ("--template", "next-film-chat")


def test_nothing_is_said_about_tools(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, *RENDER)
    assert "<|im_start|>user\n" in out
    assert "TOOLS" not in out
    assert "DOCS" not in out
