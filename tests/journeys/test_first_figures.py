"""From an empty home to exported figures, by keyboard alone, with real processes."""

import csv
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.compare import CompareScreen
from promptrec_tui.tui.screens.data import DataScreen
from promptrec_tui.tui.screens.edit_template import EditTemplateScreen
from promptrec_tui.tui.screens.export import ExportScreen
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.screens.templates import TemplatesScreen
from tests.journeys.driving import SIZE, choose, fill, opened, shown
from tests.waiting import until

SETTINGS = "train.max_steps=4\nevaluation.monitor_users=4"


async def run_to_its_end(pilot: Pilot[Any], name: str, template: str) -> None:
    """Describe a run and look on until it is done."""
    await pilot.press("1")
    await opened(pilot, RunsScreen)
    await pilot.press("n")
    await opened(pilot, NewRunScreen, "shop")
    await fill(pilot, "name", name)
    await choose(pilot, "template", template)
    await fill(pilot, "evaluation-users", "8")
    await fill(pilot, "more", SETTINGS)
    await pilot.press("ctrl+r")
    await opened(pilot, RunScreen, name)
    await until(pilot, lambda: any(run.name == name and run.state == "done" for run in pilot.app.runs))
    await until(pilot, lambda: "tuned" in shown(pilot))
    await pilot.press("escape")


async def test_from_an_empty_home_to_exported_figures(home: Home, shop: Path) -> None:
    # One folder with ratings.csv and movies.csv, as MovieLens has it.
    folder = shop.parent / "ml"
    folder.mkdir()
    for old, new, names in (
        ("events.csv", "ratings.csv", "userId,movieId,rating,timestamp"),
        ("items.csv", "movies.csv", "movieId,title,genres"),
    ):
        rows = list(csv.reader((shop / old).read_text().splitlines()))[1:]
        (folder / new).write_text("\n".join([names, *(",".join(row) for row in rows)]) + "\n")

    app = PromptrecApp(home)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, RunsScreen, "No runs yet")
        await pilot.press("2")
        await opened(pilot, DataScreen)
        await pilot.press("i")
        await opened(pilot, ImportScreen)
        await fill(pilot, "source", str(folder))
        await fill(pilot, "name", "shop")
        await pilot.press("ctrl+r")
        await opened(pilot, DataScreen, "264")

        await pilot.press("3")
        await opened(pilot, TemplatesScreen, "user u00")
        await pilot.press("e")
        await opened(pilot, EditTemplateScreen, "my-list")
        await pilot.press(*"Seen: ")
        await until(pilot, lambda: "Seen: Thing" in shown(pilot))
        await pilot.press("ctrl+s")
        await opened(pilot, TemplatesScreen, "my-list")

        await run_to_its_end(pilot, "first", "my-list")
        await run_to_its_end(pilot, "second", "list")
        await opened(pilot, RunsScreen, "first", "second")

        await pilot.press("asterisk", "equals_sign")
        await opened(pilot, CompareScreen, "first", "second")
        await pilot.press("W")
        await opened(pilot, ExportScreen)
        await pilot.press("enter")
        await until(pilot, lambda: home.exports.exists() and any(home.exports.iterdir()))
        [file] = home.exports.iterdir()
        assert {"first", "second"} <= set(file.read_text().replace("|", " ").replace(",", " ").split())
        await pilot.press("escape", "escape")
        await opened(pilot, RunsScreen)
        await pilot.press("g", "enter")
        await opened(pilot, RunScreen, "second")

    # Opened again, the app shows the run where it was left.
    again = PromptrecApp(home)
    async with again.run_test(size=SIZE) as pilot:
        await opened(pilot, RunScreen, "second")
