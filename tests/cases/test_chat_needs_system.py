"""A chat template that demands a system turn is rendered with the system text there is."""

import shutil
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home

CASE = Path(__file__).parent / "chat-needs-system"


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


def test_the_system_text_is_there(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, *RENDER)
    assert "<|im_start|>system\n" in out
    assert "<|im_start|>user\n" in out


def test_without_one_the_sentence_asks_for_it(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = call(capsys, "template", "show", "next-film-chat", "--toml")
    lines = [line for line in text.splitlines() if not line.startswith("system =")]
    (case / "mine.toml").write_text("\n".join(lines).replace("next-film-chat", "mine"))
    call(capsys, "template", "save", str(case / "mine.toml"))
    assert run_command([word.replace("next-film-chat", "mine") for word in RENDER]) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert "a system message has to come first. Give the template a system text, or set its wrap" in error
