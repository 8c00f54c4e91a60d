"""Methods of texts give in a loop what they give outside."""

import shutil
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import Home

CASE = Path(__file__).parent / "replace-in-loop"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that succeeds; its stdout."""
    capsys.readouterr()
    status = run_command(arguments)
    out, err = capsys.readouterr()
    assert status == 0, err
    return out


@pytest.fixture
def case(home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    """The inputs of the case; its events are the dataset d."""
    folder = tmp_path / "case"
    shutil.copytree(CASE, folder)
    events, items = str(folder / "events.csv"), str(folder / "items.csv")
    call(capsys, "dataset", "import", events, "--items", items, "--name", "d")
    return folder


@pytest.mark.parametrize(
    ("template", "prompt"),
    [("outside", "film i0\n"), ("inside", "film i1\nfilm i2\n"), ("joins", "a-Film i1\na-Film i2\n")],
)
def test_methods_work_in_a_loop(
    case: Path, capsys: pytest.CaptureFixture[str], template: str, prompt: str
) -> None:
    call(capsys, "template", "save", str(case / f"{template}.toml"))
    out = call(capsys, "template", "render", "--dataset", "d", "--template", template, "--user", "u1")
    assert prompt in out
