"""Exports by a key: the files that are written, and what is in them."""

import csv
import math
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from textual.pilot import Pilot

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.exporting import points_of, text_of
from promptrec_tui.tui.screens.data import DataScreen
from promptrec_tui.tui.screens.export import ExportScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.widgets.chart import Chart, Mark, Series
from promptrec_tui.tui.widgets.chart_svg import HEIGHT, WIDTH, svg_of
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.tui.widgets.table import Table
from tests.waiting import until

SVG = "{http://www.w3.org/2000/svg}"


async def export_all(pilot: Pilot[Any], home: Home) -> dict[str, str]:
    """Press the key, write each text of what is offered; the texts by the names of their files."""
    before = {path.name for path in home.exports.iterdir()} if home.exports.exists() else set()
    await pilot.press("W")
    await until(pilot, lambda: isinstance(pilot.app.screen, ExportScreen))
    table = pilot.app.screen.query_one(Table)
    await until(pilot, lambda: table.row_count)
    count = len(before)
    for offer in pilot.app.screen._offers:
        if offer.suffix != "png":
            await pilot.press("enter")
            count += 1
            await until(
                pilot, lambda count=count: home.exports.exists() and len([*home.exports.iterdir()]) == count
            )
        await pilot.press("j")
    await pilot.press("escape")
    return {path.name: path.read_text() for path in home.exports.iterdir() if path.name not in before}


async def test_the_list_its_chart_and_the_config_of_the_run_under_the_cursor(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test(size=(60, 15)) as pilot:
        await until(pilot, lambda: app.screen.has_class("-loaded"))
        app.screen.query_one(RunTable).choose("aaaa0001")
        await until(pilot, lambda: app.screen.query_one("LossChart").chart.series)
        files = await export_all(pilot, full_home)
        rows = list(csv.DictReader(files["runs.csv"].splitlines()))
        assert {row["name"] for row in rows} == {"first", "第二次 [/INST]"}
        assert {row["state"] for row in rows} == {"done", "paused"}
        assert "| 第二次 [/INST] | paused |" in files["runs.md"]
        assert ElementTree.fromstring(files["first-loss.svg"]).tag == f"{SVG}svg"
        assert "train" in files["first-loss.txt"]
        assert tomllib.loads(files["first-config.toml"])["train"]["epochs"]
        assert files["first-command.sh"].startswith("promptrec run start --name first ")


async def test_the_screen_of_a_run_offers_the_pane_in_view_first(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.runs)
        app.open_run("aaaa0001")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.exports())
        await pilot.press("j")
        assert app.screen.exports()[0].noun == "chart: NDCG@10, validation, 25 users"
        files = await export_all(pilot, full_home)
        assert {Path(name).suffix for name in files} == {".svg", ".txt", ".csv", ".md", ".toml", ".sh"}
        figures = list(csv.DictReader(files["first-figures.csv"].splitlines()))
        assert {row["model"]: row["ndcg@10"] for row in figures}["after (tuned)"] == "0.12"
        await pilot.press("]", "W")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await pilot.press("y")
        await until(pilot, full_home.clipboard.exists)
        assert full_home.clipboard.read_text().startswith("user u1")


async def test_the_table_in_focus_of_the_data_is_offered_first(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and app.screen.has_class("-filled"))
        assert [offer.noun for offer in app.screen.exports()] == ["1 dataset"] * 2
        await pilot.press("v")
        await until(pilot, lambda: app.screen.query_one("#rows").chosen)
        first = app.screen.exports()[1]
        assert (first.noun, first.stem, first.suffix) == ("160 rows", "films-rows", "csv")
        rows = list(csv.DictReader((await first.made()).splitlines()))
        assert len(rows) == 160
        assert rows[0] == {"user": "u0", "#": "1", "title": "The Matrix", "rating": "", "when": "0"}


async def test_a_picture_is_written_or_it_is_said_how_and_is_no_text(full_home: Home) -> None:
    app = PromptrecApp(full_home)

    def said(sentence: str) -> bool:
        return any(sentence in each.message for each in app._notifications)

    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.has_class("-loaded"))
        app.screen.query_one(RunTable).choose("aaaa0001")
        await until(pilot, lambda: app.screen.query_one("LossChart").chart.series)
        await pilot.press("W")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        table = app.screen.query_one(Table)
        forms = [offer.form for offer in app.screen._offers]
        await until(pilot, lambda: table.row_count == len(forms))
        table.move_cursor(row=forms.index("PNG"))
        await pilot.press("y")
        await until(
            pilot, lambda: any("enter writes the file" in each.message for each in app._notifications)
        )
        assert not full_home.clipboard.exists()
        await pilot.press("enter")
        if find_spec("resvg_py"):
            picture = full_home.exports / "first-loss.png"
            await until(pilot, picture.exists)
            assert picture.read_bytes().startswith(b"\x89PNG")
        else:
            await until(
                pilot, lambda: any("promptrec-tui[png]" in each.message for each in app._notifications)
            )


def test_a_picture_is_drawn_from_the_data() -> None:
    points = [(0, 1.0), (50, 0.5), (60, math.nan), (70, 0.4), (100, 0.2)]
    chart = Chart(
        "loss <of> \x1b & more",
        (Series("train", points), Series("one", [(30, 0.9)])),
        lines=(("popularity", 0.3),),
        marks=(Mark(50, best=True),),
    )
    picture = ElementTree.fromstring(svg_of(chart))
    texts = [element.text for element in picture.iter(f"{SVG}text")]
    assert texts[0] == "loss <of>  & more".replace("  ", "  ")
    assert {"step", "train 0.2", "popularity 0.3", "0", "100", "1.0"} <= set(texts)
    pieces = [element.get("points", "").split() for element in picture.iter(f"{SVG}polyline")]
    assert [len(piece) for piece in pieces] == [2, 2]
    places = [tuple(map(float, place.split(","))) for piece in pieces for place in piece]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places)
    assert len(list(picture.iter(f"{SVG}path"))) == 1
    assert "no values" in svg_of(Chart("empty", ()))
    assert "loss <of>" in text_of(chart, ascii_only=True)
    assert points_of(chart).columns == ("step", "train", "one")
    assert points_of(chart).rows[1] == (30, None, 0.9)
