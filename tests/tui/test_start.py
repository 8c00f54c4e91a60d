"""What is loaded, and what is shown, before anything is asked."""

import json
import subprocess
import sys

from promptrec_tui.home import Home

LATE = (
    "typer",
    "sqlalchemy",
    "alembic",
    "duckdb",
    "numpy",
    "tokenizers",
    "torch",
    "transformers",
    "jinja2",
    "pydantic",
    "psutil",
)

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.backend import Backend

def closed(self):
    raise UserError("The first frame does not wait for the workspace.")

Backend._opened = closed

async def first_frame():
    app = PromptrecApp(Home(Path(sys.argv[1])))
    async with app.run_test(size=(80, 24)) as pilot:
        lines = [strip.text for strip in app.screen._compositor.render_strips()]
        modules = sorted({name.partition(".")[0] for name in sys.modules})
        print(json.dumps({"modules": modules, "lines": lines}))

asyncio.run(first_frame())
"""


def test_the_first_frame_is_light_and_has_its_hints(empty_home: Home):
    command = [sys.executable, "-c", SCRIPT, str(empty_home.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    frame = json.loads(done.stdout.splitlines()[-1])
    assert not set(LATE) & set(frame["modules"])
    assert frame["lines"][0].startswith(" 1 Runs  2 Data  3 Templates  4 Models")
    assert frame["lines"][-1].rstrip().endswith("^p palette")
    assert "n new" in frame["lines"][-1]


def test_without_a_terminal_the_app_says_so():
    command = [sys.executable, "-m", "promptrec_tui"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "needs a terminal" in done.stderr
