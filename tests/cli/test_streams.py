"""Standard streams that are closed, full or no longer read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.cli.streams import shown_in
from promptrec_tui.home import VARIABLE, Home

COMMAND = f"{sys.executable} -m promptrec_tui"

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(home: Home, line: str) -> tuple[int, str, str]:
    child = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, VARIABLE: str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in child.stderr
    assert "Exception ignored" not in child.stderr
    assert "Unexpected" not in child.stderr
    return child.returncode, child.stdout, child.stderr


@full
@pytest.mark.parametrize("arguments", ["paths", "--help", "--version", "model list --json"])
def test_output_that_finds_no_room_is_told(home: Home, arguments: str) -> None:
    status, _, said = shell(home, f"{COMMAND} {arguments} >/dev/full")
    assert (status, said) == (1, "promptrec: The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("streams", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_take_no_file_and_end_nothing(home: Home, streams: str) -> None:
    assert shell(home, f"{COMMAND} model list {streams}") == (0, "", "")
    assert shell(home, f"{COMMAND} nonsense {streams}")[0] == 2


def test_a_reader_that_goes_is_no_error(home: Home) -> None:
    assert shell(home, f"{COMMAND} paths | true; exit ${{PIPESTATUS[0]}}") == (0, "", "")
    assert shell(home, f"{COMMAND} paths 2>&1 >/dev/null | true; exit ${{PIPESTATUS[0]}}")[0] == 0


@full
def test_progress_that_cannot_be_shown_ends_no_import(home: Home, shop: Path) -> None:
    source = f"{shop / 'events.csv'} --items {shop / 'items.csv'}"
    assert shell(home, f"{COMMAND} dataset import {source} --name d --json 2>/dev/full")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["recommend", "x", "--k", "5"],
            "No such option: --k. Did you mean -k? See 'promptrec recommend --help'.",
        ),
        (["run", "list", "--JSON"], "Did you mean --json?"),
        (["run", "strt"], "Did you mean 'start'? See 'promptrec run --help'."),
        (["recommend"], "Missing argument 'run'. See 'promptrec recommend --help'."),
        (["dataset", "import", "a\0b", "--name", "d"], "null byte"),
    ],
)
def test_a_wrong_command_line_gets_the_right_help(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    assert words in capsys.readouterr().err


def test_the_help_of_start_lists_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    from promptrec_tui.runs.settings import setting_keys

    assert run_command(["run", "start", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for key in setting_keys():
        assert f"{key}=" in said
    assert "train.precision=auto" in said
    assert "one of auto, fp32, bf16" in said


def test_what_is_replaced_is_as_wide_as_before() -> None:
    assert shown_in("a–b 東 é e\u0301 😀", "ascii") == "a-b ?? ? e ??"
    assert shown_in("a–b 東", "utf-8") == "a–b 東"
