"""What the commands print of hostile text: characters, and in JSON the very same value."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import VARIABLE
from promptrec_tui.text import is_harmless

Capture = pytest.CaptureFixture[str]

READING = (
    "run list",
    "run show aaaa0001",
    "run show aaaa0002",
    "run logs aaaa0001",
    "dataset list",
    "dataset show d3",
    "dataset rows films",
    "template list",
    "template show t3",
    "template render --dataset films --template list",
    "model list",
    "paths",
    "doctor",
)
JSON = ("run list", "run show aaaa0001", "dataset list", "dataset rows films", "template list", "model list")


@pytest.fixture
def place(fill: Callable[[list[str]], Any], hostile: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    place = fill(hostile)
    monkeypatch.setenv(VARIABLE, str(place.home.root))
    return place


def assert_harmless(text: str) -> None:
    bad = [line for line in text.split("\n") if not all(map(is_harmless, line))]
    assert not bad, ascii(bad[0][:200])


def test_commands_print_no_control(place: Any, hostile: list[str], capsys: Capture) -> None:
    seen = ""
    for line in READING:
        run_command(line.split())
        said = capsys.readouterr()
        assert_harmless(said.out + said.err)
        assert said.out + said.err, line
        seen += said.out
    for number in range(len(hostile)):
        assert str(73_001 + number) in seen


def test_json_is_harmless_and_loses_nothing(place: Any, hostile: list[str], capsys: Capture) -> None:
    for line in JSON:
        assert run_command([*line.split(), "--json"]) == 0
        out = capsys.readouterr().out
        assert_harmless(out)
        json.loads(out)
    run_command(["dataset", "rows", "films", "--limit", "200", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert {row["title"] for row in rows} == set(hostile)


@pytest.mark.parametrize(
    "command",
    [
        "dataset import {} --name {}",
        "dataset import /none --name {}",
        "template save {}",
        "model check {}",
        "model add ./{} --name {}",
        "run start --name {} --dataset {} --template {} --model {} --set {}={}",
        "recommend {} --user {}",
        "classify {} {}",
        "{}",
    ],
)
def test_errors_show_names_clean(place: Any, hostile: list[str], capsys: Capture, command: str) -> None:
    for text in hostile:
        words = [word.replace("{}", text.replace("\0", "")) for word in command.split()]
        assert run_command(words) != 0
        said = capsys.readouterr()
        assert_harmless(said.out + said.err)
        assert "Traceback" not in said.err


def test_a_file_name_that_is_no_text_is_refused_or_shown(place: Any, tmp_path: Path) -> None:
    """Names are bytes; Python makes half surrogates of those that are no UTF-8."""
    source = os.fsencode(tmp_path) + b"/events-\xff\x1b[31m.csv"
    with open(source, "w") as file:
        file.write("user_id,item_id,timestamp\n" + "".join(f"u1,i{n},{n}\n" for n in range(5)))
    folder = os.fsencode(tmp_path) + b"/model-\xff"
    os.mkdir(folder)  # noqa: PTH102 (a name of bytes)
    promptrec = [sys.executable, "-m", "promptrec_tui"]
    for command in (
        [*promptrec, "dataset", "import", source, "--name", "odd"],
        [*promptrec, "dataset", "list"],
        [*promptrec, "dataset", "show", "odd"],
        [*promptrec, "model", "check", folder],
        [*promptrec, "model", "add", folder, "--name", "odd"],
        [*promptrec, "run", "show", b"\xff\x9b"],
        [*promptrec, "model", "list", "--json"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert_harmless(done.stdout + done.stderr)
        assert done.returncode in (0, 1), done.stderr
        assert not re.search("Traceback|Unexpected", done.stderr), done.stderr
