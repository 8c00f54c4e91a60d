"""Output that the encoding of the terminal cannot show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.home import VARIABLE, Home

CASE = Path(__file__).parent / "ascii-output"

ENVIRONMENTS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


def ask(home: Home, environment: dict[str, str], *arguments: str) -> tuple[str, str]:
    child = subprocess.run(
        [sys.executable, "-m", "promptrec_tui", *arguments],
        env={**os.environ, VARIABLE: str(home.root), **environment},
        capture_output=True,
        check=False,
    )
    assert child.returncode in (0, 1)
    assert b"Unexpected" not in child.stderr, child.stderr
    return child.stdout.decode("latin-1"), child.stderr.decode("latin-1")


@pytest.mark.parametrize(
    "environment", ENVIRONMENTS, ids=lambda given: " ".join(map("=".join, given.items()))
)
def test_the_whole_table_comes_with_what_cannot_be_shown_replaced(
    home: Home, environment: dict[str, str]
) -> None:
    source = ["dataset", "import", str(CASE / "events.csv"), "--items", str(CASE / "items.csv")]
    assert run_command([*source, "--name", "d", "--progress", "none"]) == 0
    table = ask(home, environment, "dataset", "rows", "d", "--limit", "3")[0].splitlines()
    assert [line.split()[2] for line in table[1:]] == ["Film", "????", "Film"]
    assert len({line.index("1,500,000,00") for line in table[1:]}) == 1, "columns stay where they are"
    rows = json.loads(ask(home, environment, "dataset", "rows", "d", "--limit", "3", "--json")[0])
    assert rows[1]["title"] == "東京"
    assert "There is no dataset called" in ask(home, environment, "dataset", "show", "東京")[1]
    imported = ask(home, environment, *source, "--name", "e")
    assert "writing ########################" in imported[1]
