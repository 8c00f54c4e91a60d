"""Where the home lies, and which folders may become one."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.errors import UserError
from promptrec_tui.home import LONGEST, VARIABLE, Home, find_home

Capture = pytest.CaptureFixture[str]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("rights", [0o755, 0o777, 0o1777, 0o2775, 0o750, 0o701])
def test_a_folder_of_something_else_keeps_its_mode_and_is_refused(tmp_path: Path, rights: int) -> None:
    place = tmp_path / "shared"
    (place / "datasets").mkdir(parents=True)
    (place / "notes.txt").write_text("mine")
    place.chmod(rights)
    with pytest.raises(UserError, match=r"no home of promptrec.*stays as it is.*shared/promptrec"):
        Home(place).create()
    assert mode(place) == rights
    assert sorted(path.name for path in place.iterdir()) == ["datasets", "notes.txt"]
    Home(place / "promptrec").create()
    assert (mode(place), mode(place / "promptrec") & 0o777) == (rights, 0o700)


def test_a_private_folder_with_other_content_is_used_as_it_stands(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir(mode=0o700)
    (place / "notes.txt").write_text("mine")
    Home(place).create()
    assert (place / "datasets").is_dir()
    assert (place / "notes.txt").read_text() == "mine"


def test_an_empty_folder_becomes_the_home_and_is_shut(tmp_path: Path) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    place.chmod(0o755)
    Home(place).create()
    assert mode(place) == 0o700


@pytest.mark.parametrize("with_catalogue", [True, False])
def test_an_earlier_home_that_was_opened_is_shut_again(tmp_path: Path, with_catalogue: bool) -> None:
    home = Home(tmp_path / "home").create()
    (home.root / "notes.txt").write_text("mine")
    if with_catalogue:
        home.database.touch()
    home.root.chmod(0o755)
    home.create()
    assert mode(home.root) == 0o700


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("~nosuch-user/x", "there is no such user"),
        ("/" + "/".join(["a" * 100] * 36), f"too long (3,636 bytes, at most {LONGEST})"),
        ("/tmp/" + "b" * 300, "Cannot make the home folder"),
        ("/etc/passwd", "Cannot make the home folder /etc/passwd"),
        ("/dev/null/x", "Cannot make the home folder /dev/null/x"),
    ],
)
def test_a_home_that_cannot_be_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, value: str, words: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert run_command(["dataset", "list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("promptrec: ")
    assert words in said
    assert "Unexpected" not in said
    assert len(said) < 500
    assert run_command(["paths"]) in (0, 1)
    assert run_command(["doctor"]) == 1
    assert "Unexpected" not in capsys.readouterr().err


def test_the_longest_home_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    place = tmp_path
    while (left := LONGEST - len(str(place))) > 1:
        place /= "c" * min(left - 1, 50)
    monkeypatch.setenv(VARIABLE, str(place))
    assert run_command(["demo", "--help"]) == 0
    assert run_command(["model", "list"]) == 0
    assert "tiny" in capsys.readouterr().out


def test_without_a_known_home_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", dict[int, str]().__getitem__)
    with pytest.raises(UserError, match=f"Your home is not known: set {VARIABLE}"):
        find_home()


@pytest.mark.parametrize("arguments", [[], ["paths"]])
def test_the_program_itself_shows_no_traceback_either(arguments: list[str]) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "promptrec_tui", *arguments],
        env={**os.environ, VARIABLE: "~nosuch-user/x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 1
    assert child.stderr.startswith("promptrec: ")
    assert child.stderr.count("\n") == 1
