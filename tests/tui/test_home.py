"""The start of the app: the rows of the last time, what goes on, and the ways to begin."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.app import App
from textual.pilot import Pilot

from promptrec_tui.files import read_json
from promptrec_tui.home import Home
from promptrec_tui.runs.gpus import Gpu
from promptrec_tui.runs.states import State
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.backend import Backend
from promptrec_tui.tui.glyphs import UNICODE
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.screens.tour import STOPS, TourScreen, tour_text
from promptrec_tui.tui.widgets.home_pane import machine_text, now_text
from promptrec_tui.tui.widgets.last_rows import last_rows, rows_again
from promptrec_tui.tui.widgets.run_columns import DEFAULT
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.workspace import demo
from promptrec_tui.workspace.checklist import Left
from promptrec_tui.workspace.home_view import HomeView, Machine
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.run_views import refreshed_runs
from promptrec_tui.workspace.runs import RunRow

LABELS = list(DEFAULT)
Until = Callable[..., Awaitable[None]]
Screen = Callable[[App[int]], str]
MACHINE = Machine((Gpu(0, "a", 80 << 30, 61 << 30), Gpu(1, "b")), 3_100_000_000, 7_700_000_000, 22 * 10**9)


@asynccontextmanager
async def running(home: Home, until: Until, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
    """The app with its first data shown."""
    app = PromptrecApp(home)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.screen.has_class("-loaded") and "looking" not in home_text(app))
        yield pilot


def home_text(app: App[int]) -> str:
    return str(app.screen.query_one("#home").visual)


@pytest.fixture
def row(full_home: Home) -> RunRow:
    """A run at work."""
    with opened(full_home) as workspace:
        listed = refreshed_runs(workspace)[0]
    return replace(
        listed, name="films-qwen", state=State.RUNNING, phase="training", step=240, total_steps=1200
    )


async def test_the_first_frame_has_the_rows_of_the_last_time_and_no_key_acts_on_them(
    full_home: Home, until: Until, screen_text: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(full_home, until):
        pass
    kept = read_json(full_home.last_list)
    (full_home.runs / "aaaa0001").rename(full_home.root / "moved")
    free, open_home = threading.Event(), Backend._opened

    def late(backend: Backend) -> object:
        free.wait()
        return open_home(backend)

    monkeypatch.setattr(Backend, "_opened", late)
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        try:
            shown = screen_text(app)
            assert "第二次 [/INST]" in shown
            assert "240/240" in shown
            assert "now   the list of the last time, refreshing" in shown
            assert app.screen.query_one(RunTable).keys == list(kept["rows"])
            await pilot.press("enter", "x", "D")
            assert isinstance(app.screen, RunsScreen)
            assert app.screen.check_action("open_run", ()) is None
        finally:
            free.set()
        await until(pilot, lambda: app.screen.query_one(RunTable).keys == ["aaaa0002"])
        await until(pilot, lambda: "refreshing" not in screen_text(app))


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {"columns": ["name"], "rows": {"a": [["x", ""]]}},
        {"columns": "the table's", "rows": {"a": [["x", ""]]}},
        {"columns": "the table's", "rows": {"a": ["x"] * len(DEFAULT)}},
        {"columns": "the table's", "rows": {"a": [["x", "no style at all"]] * len(DEFAULT)}},
        {"columns": "the table's", "rows": ["a"]},
    ],
)
def test_rows_that_do_not_fit_the_table_are_not_shown(kept: object) -> None:
    if isinstance(kept, dict) and kept["columns"] == "the table's":
        kept["columns"] = LABELS
    assert rows_again(kept, LABELS) == {}


def test_rows_come_back_as_they_were_and_clean() -> None:
    rows = {"r1": (("[/INST]", "bold red"), ("霸王", ""))}
    kept = last_rows(rows, ("name", "state"))
    assert rows_again(kept, ("name", "state")) == rows
    kept["rows"]["r1"][0][0] = "a\x1b[2Jb"
    assert "\x1b" not in rows_again(kept, ("name", "state"))["r1"][0][0]


async def test_a_damaged_file_of_rows_is_no_error(full_home: Home, until: Until) -> None:
    full_home.last_list.write_bytes(b"\xff{")
    async with running(full_home, until) as pilot:
        assert pilot.app.screen.query_one(RunTable).row_count == 2


def test_what_goes_on_is_one_line(row: RunRow) -> None:
    view = HomeView(((row, Left(720.0, "training")), (row, None)), ("next", "later"), MACHINE)
    assert now_text(view, UNICODE).plain == (
        "now   films-qwen ● running 240/1200, 12 min of training left  +1 more at work  2 queued, next next"
    )
    assert now_text(HomeView((), (), MACHINE), UNICODE).plain == "now   nothing runs"
    assert machine_text(MACHINE).plain == "free  GPU 0 61 of 80 GiB, GPU 1, memory 3.1 of 7.7 GB, disk 22 GB"


@pytest.mark.parametrize(("size", "lines"), [((60, 15), 1), ((80, 24), 2)])
async def test_the_home_pane_takes_two_lines_or_one(
    full_home: Home, until: Until, screen_text: Screen, size: tuple[int, int], lines: int
) -> None:
    async with running(full_home, until, size) as pilot:
        await until(pilot, lambda: "now   nothing runs" in screen_text(pilot.app))
        assert pilot.app.screen.query_one("#home").size.height == lines
        assert ("free  " in screen_text(pilot.app)) == (lines == 2)
        assert pilot.app.screen.query_one(RunTable).region.y == 1 + lines


async def test_a_first_start_offers_a_sample_an_import_and_a_tour(
    empty_home: Home, until: Until, screen_text: Screen
) -> None:
    async with running(empty_home, until) as pilot:
        shown = screen_text(pilot.app)
        for line in ("B start the sample run", "i import data", "n describe a new run", "I walk through"):
            assert line in shown
        await pilot.press("i")
        await until(pilot, lambda: "Import" in type(pilot.app.screen).__name__)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await pilot.press("I")
        await pilot.press("n", "enter", "space", "slash", "question_mark", "ctrl+p")
        assert isinstance(pilot.app.screen, TourScreen)
        assert "That is all of them." in screen_text(pilot.app)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_a_key_starts_the_sample_run(
    full_home: Home, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(full_home) as workspace:
        sample = refreshed_runs(workspace)[-1]
    monkeypatch.setattr(demo, "start_demo", lambda workspace: sample)
    async with running(full_home, until) as pilot:
        await pilot.press("B")
        await until(pilot, lambda: pilot.app.screen.query_one(RunTable).chosen == sample.id)


def test_the_tour_ticks_what_was_pressed() -> None:
    assert tour_text(set()).plain.count("○") == len(STOPS) == 6
    assert tour_text({"runs.new"}).plain.count("✓") == 1
    assert tour_text(set(STOPS), ascii_only=True).plain.isascii()
