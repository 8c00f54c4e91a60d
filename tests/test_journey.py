"""From an empty home to a finished run, by keyboard, with real processes."""

import csv
from pathlib import Path
from typing import Any

from textual.app import App
from textual.widgets import Input, TextArea

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.data import DataScreen
from promptrec_tui.tui.screens.import_dataset import ImportScreen
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.screens.run import RunScreen
from tests.waiting import until

SETTINGS = "train.max_steps=4\nevaluation.monitor_users=4\n"


def shown(app: App[Any]) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_from_an_empty_home_to_a_finished_run(home: Home, shop: Path) -> None:
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
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await until(pilot, lambda: "No runs yet" in shown(app))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ImportScreen))
        app.screen.query_one("#source", Input).value = str(folder)
        await pilot.pause()
        app.screen.query_one("#name", Input).value = "shop"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and "u00" in shown(app))

        await pilot.press("1", "n")
        await until(
            pilot,
            lambda: isinstance(app.screen, NewRunScreen) and app.screen.query_one("#name", Input).value,
        )
        app.screen.query_one("#name", Input).value = "first"
        app.screen.query_one("#evaluation-users", Input).value = "8"
        app.screen.query_one("#more", TextArea).text = SETTINGS
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: app.runs and app.runs[0].state == "done")
        assert app.runs[0].name == "first"
        await until(pilot, lambda: "item_knn" in shown(app))

    # Opened again, the app shows the run where it was left.
    again = PromptrecApp(home)
    async with again.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(again.screen, RunScreen) and "first" in shown(again))
