"""What the commands say of a run at work, and what they load to say it."""

import csv
import json
import subprocess
import sys

import pytest

from promptrec_tui.cli.main import run_command
from promptrec_tui.files import write_json
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import PhaseEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import take_lock

START = ("run", "start", "--dataset", "shop", "--template", "list", "--model", "tiny", "--hold")


@pytest.fixture
def going(home, shop, capsys):
    """A run at work, as its folder says."""
    source = (str(shop / "events.csv"), "--items", str(shop / "items.csv"))
    assert run_command(["dataset", "import", *source, "--name", "shop"]) == 0
    capsys.readouterr()
    assert run_command([*START, "--name", "one", "--json"]) == 0
    folder = RunFolder(home.runs / json.loads(capsys.readouterr().out)["id"])
    folder.queue_file.unlink()
    attempt = folder.attempt(1)
    attempt.path.mkdir()
    write_json(attempt.started, {})
    lock = take_lock(folder.lock)
    yield folder
    lock.release()


def test_a_run_that_validates_says_so_and_how_far(going, capsys):
    def shown(phase, done=None, total=None):
        with EventLog(going, 1) as log:
            log.write(PhaseEvent(phase=phase, done=done, total=total))
        assert run_command(["run", "show", "one"]) == 0
        return capsys.readouterr().out.partition("\n")[0]

    assert shown("loading") == "one  running  step 0/–, loading"
    assert shown("validating", 3, 20) == "one  running  step 0/–, validating 3/20"
    assert run_command(["run", "show", "one", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["phase"], document["phase_done"], document["phase_total"]) == ("validating", 3, 20)
    assert shown("training", 4, 30) == "one  running  step 0/–"


HEAVY = ("torch", "transformers", "peft", "numpy", "scipy", "duckdb", "alembic", "textual", "jinja2")
LIST = """
import sys
from promptrec_tui.cli.main import run_command
status = run_command(["run", "list"])
print(status, *[name for name in sys.argv[1:] if name in sys.modules])
"""


def test_the_list_is_told_without_the_heavy_libraries(going):
    command = [sys.executable, "-c", LIST, *HEAVY]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said[1].split()[:2] == ["one", "running"]
    assert said[-1] == "0"


def test_the_list_as_csv_and_markdown(going, capsys):
    assert run_command(["run", "list", "--format", "csv"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (row["name"], row["dataset"], row["train_loss"]) == ("one", "shop", "")
    assert run_command(["run", "list", "--format", "md"]) == 0
    heading, _, line = capsys.readouterr().out.splitlines()
    assert heading.startswith("| name | state |")
    assert line.startswith("| one | ")
    assert run_command(["dataset", "list", "--format", "csv"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (row["name"], row["items"]) == ("shop", "24")
