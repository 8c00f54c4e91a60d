"""What is loaded, and what is shown, before anything is asked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.home import Home
from promptrec_tui.tui import app

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

FIRST_FRAME = {
    "tui.screens": {
        *("base", "home_actions", "label_actions", "list_actions", "mark_actions", "marked_list"),
        *("queue_actions", "run_actions", "runs"),
    },
    "tui.widgets": {
        *("axes", "canvas", "cells", "chart", "empty", "hints", "home_pane", "last_rows", "loss_chart"),
        *("news_line", "plot", "row_view", "run_columns", "run_facts", "run_table", "run_text", "steady"),
        *("top_bar", "word_input"),
    },
    "workspace": {"preferences", "session"},
    "store": set(),
    "runs": set(),
    "datasets": set(),
    "prompts": set(),
    "tasks": set(),
}
"""All that is loaded of these packages when the list of runs is drawn for the first time."""

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
        loaded = [sorted(sys.modules)]
        for mode in "234":
            await pilot.press(mode)
            loaded.append(sorted(sys.modules))
        print(json.dumps({"loaded": loaded, "lines": lines}))

asyncio.run(first_frame())
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The first frame's lines, and the modules loaded by then and after each change of the mode."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path_factory.mktemp("home") / "promptrec")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    frame: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return frame


def loaded_of(package: str, modules: list[str]) -> set[str]:
    """The modules that are loaded of a package of the app."""
    prefix = f"promptrec_tui.{package}."
    return {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}


def test_the_first_frame_is_light_and_has_its_hints(start: dict[str, Any]):
    assert not set(LATE) & {name.partition(".")[0] for name in start["loaded"][0]}
    assert start["lines"][0].startswith(" 1 Runs  2 Data  3 Templates  4 Models")
    assert start["lines"][-1].rstrip().endswith("^p palette")
    assert "n new" in start["lines"][-1]


def test_the_first_frame_loads_only_what_the_list_of_runs_needs(start: dict[str, Any]):
    loaded = {package: loaded_of(package, start["loaded"][0]) for package in FIRST_FRAME}
    assert loaded == FIRST_FRAME
    assert "palette" not in loaded_of("tui", start["loaded"][0])


def test_the_screen_of_a_mode_is_loaded_when_the_mode_is_first_shown(start: dict[str, Any]):
    main = {"data", "templates", "models"}
    screens = [loaded_of("tui.screens", modules) & main for modules in start["loaded"]]
    assert screens == [set(), {"data"}, {"data", "templates"}, main]


def test_every_file_of_styles_is_read_before_the_first_frame_or_after_it():
    there = sorted((Path(app.__file__).parent / "styles").iterdir())
    assert sorted([*app.FIRST_STYLES, *app.LATER_STYLES]) == there


async def test_the_styles_of_other_screens_come_after_the_first_frame(tmp_path: Path, until):
    opened = app.PromptrecApp(Home(tmp_path / "promptrec"))
    async with opened.run_test() as pilot:
        await until(pilot, lambda: opened.stylesheet.has_source(str(app.LATER_STYLES[-1])))


def test_without_a_terminal_the_app_says_so():
    command = [sys.executable, "-m", "promptrec_tui"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "needs a terminal" in done.stderr
