"""The app on a real home, by keyboard."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, Input
from textual.worker import WorkerFailed

from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import MetricEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.states import State
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.backend import Backend
from promptrec_tui.tui.glyphs import ASCII
from promptrec_tui.tui.screens.confirm import ConfirmScreen
from promptrec_tui.tui.screens.help import HelpScreen
from promptrec_tui.tui.screens.run import RunScreen, head_text
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.trying import Tried
from promptrec_tui.tui.widgets.loss_chart import LossChart
from promptrec_tui.tui.widgets.run_columns import DEFAULT, fitted
from promptrec_tui.tui.widgets.run_table import RunTable, run_cells
from promptrec_tui.tui.widgets.try_pane import TryInput, TryPane
from promptrec_tui.workspace import demo
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.run_views import refreshed_runs
from promptrec_tui.workspace.runs import RunRow
from promptrec_tui.workspace.scoring import Labelling, Ranking, ScoredItem, ScoredText

Driver = Pilot[int]


@asynccontextmanager
async def opened_app(home: Home, size: tuple[int, int] = (80, 24), **options: bool) -> AsyncIterator[Driver]:
    """The app with its first data shown."""
    app = PromptrecApp(home, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Driver, *keys: str) -> None:
    """Press keys, and wait for what they set going."""
    await pilot.press(*keys)
    for _ in range(2):
        await pilot.pause()
        with suppress(WorkerFailed):
            await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def screen_text(pilot: Driver) -> str:
    """What is on the screen."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def notices(pilot: Driver) -> list[str]:
    return [notice.message for notice in pilot.app._notifications]


def table(pilot: Driver) -> RunTable:
    return pilot.app.screen.query_one(RunTable)


async def test_an_empty_home_says_which_key_fills_it(empty_home: Home):
    async with opened_app(empty_home) as pilot:
        assert "No runs yet." in screen_text(pilot)
        assert "n describe a new run" in screen_text(pilot)
        assert empty_home.database.exists()
        for key, mode in zip("2341", ("data", "templates", "models", "runs"), strict=True):
            await settle(pilot, key)
            assert pilot.app.current_mode == mode
            assert "^p palette" in screen_text(pilot)
        assert notices(pilot) == []


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_runs_are_listed_with_their_figures(full_home: Home, size: tuple[int, int]):
    async with opened_app(full_home, size) as pilot:
        shown = screen_text(pilot)
        assert "第二次 [/INST]" in shown
        assert "240/240" in shown
        assert "paused" in shown
        assert "loss  ━ train" in shown, "beside the list, or under it"
        assert all(len(line) <= size[0] for line in shown.split("\n"))


async def test_the_chart_takes_the_place_of_the_list_where_there_is_no_room(full_home: Home):
    async with opened_app(full_home, (60, 15)) as pilot:
        assert "progress" in screen_text(pilot)
        assert "loss  ━ train" not in screen_text(pilot)
        await settle(pilot, "c")
        assert "loss  ━ train 1.244" in screen_text(pilot)
        assert "progress" not in screen_text(pilot)
        await settle(pilot, "c")
        assert "progress" in screen_text(pilot)


async def test_new_events_change_cells_and_leave_the_cursor(full_home: Home):
    async with opened_app(full_home) as pilot:
        await settle(pilot, "j")
        chosen = table(pilot).chosen
        folder = RunFolder(full_home.runs / "aaaa0002")
        with EventLog(folder, 1) as log:
            log.write(MetricEvent(step=130, total_steps=240, epoch=1, values={"train_loss": 0.5}))
        pilot.app.screen.renew()
        await settle(pilot)
        assert "130/240" in screen_text(pilot)
        assert table(pilot).chosen == chosen


async def test_the_filter_keeps_what_contains_it(full_home: Home):
    async with opened_app(full_home) as pilot:
        await settle(pilot, "/", *"firs")
        assert table(pilot).keys == ["aaaa0001"]
        await settle(pilot, "enter")
        assert table(pilot).has_focus
        await settle(pilot, "escape")
        assert len(table(pilot).keys) == 2
        assert not pilot.app.screen.query_one("#filter", Input).display


async def test_a_run_opens_with_its_result_and_every_tab_shows_something(full_home: Home):
    async with opened_app(full_home) as pilot:
        table(pilot).choose("aaaa0001")
        await settle(pilot, "enter")
        assert isinstance(pilot.app.screen, RunScreen)
        assert "NDCG@10 over untuned: +0.10 (95% +0.05 to +0.15)" in screen_text(pilot)
        await settle(pilot, "j")
        assert "item_knn 0.08" in screen_text(pilot)
        await settle(pilot, "]")
        assert "rank of the target 9 → 2" in screen_text(pilot)
        assert "user u1" in screen_text(pilot)
        await settle(pilot, "l")
        assert "user u2" in screen_text(pilot)
        await settle(pilot, "]")
        # Who passes by does not write into its field.
        assert not isinstance(pilot.app.focused, Input)
        await settle(pilot, "]")
        assert "run       first (aaaa0001)" in screen_text(pilot)
        await settle(pilot, "]")
        assert "red 正在训练" in screen_text(pilot)
        await settle(pilot, "escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_a_large_terminal_shows_all_charts(full_home: Home):
    async with opened_app(full_home, (160, 50)) as pilot:
        await settle(pilot, "enter")
        shown = screen_text(pilot)
        for title in (
            "NDCG@10, validation, 25 users",
            "HR@10, validation, 25 users",
            "learning rate",
            "targets per second",
        ):
            assert title in shown
        await settle(pilot, "c")
        assert "learning rate" not in screen_text(pilot)


async def test_deleting_asks_first_with_cancel_focused(full_home: Home):
    async with opened_app(full_home) as pilot:
        table(pilot).choose("aaaa0001")
        await pilot.press("D")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert isinstance(pilot.app.focused, Button)
        assert pilot.app.focused.id == "cancel"
        await settle(pilot, "enter")
        assert len(table(pilot).keys) == 2
        await pilot.press("D")
        await pilot.pause()
        await settle(pilot, "y")
        assert table(pilot).keys == ["aaaa0002"]
        assert not (full_home.runs / "aaaa0001").exists()


async def test_what_cannot_be_done_with_a_run_does_nothing(full_home: Home):
    async with opened_app(full_home) as pilot:
        table(pilot).choose("aaaa0001")
        await settle(pilot, "x", "p", "r")
        assert isinstance(pilot.app.screen, RunsScreen)
        assert notices(pilot) == []


async def test_the_app_comes_back_as_it_was_left(full_home: Home):
    async with opened_app(full_home) as pilot:
        table(pilot).choose("aaaa0001")
        await settle(pilot, "enter", "]", "]", "]", "ctrl+d")
        scrolled = pilot.app.screen.query_one("#config LineView").scroll_y
        assert scrolled > 0
    kept = json.loads(full_home.session.read_text())
    assert kept["run"] == "aaaa0001"
    async with opened_app(full_home) as pilot:
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.screen.tab == "config"
        assert pilot.app.screen.query_one("#config LineView").scroll_y == scrolled
        await settle(pilot, "escape")
        assert table(pilot).chosen == "aaaa0001"
        await settle(pilot, "3")
    async with opened_app(full_home) as pilot:
        assert pilot.app.current_mode == "templates"


async def test_a_damaged_session_is_no_obstacle(full_home: Home):
    full_home.session.write_text('{"mode": ["x"], "run": 7, "tab": {}, "scroll": 3, "theme": []}')
    async with opened_app(full_home) as pilot:
        assert isinstance(pilot.app.screen, RunsScreen)
        await settle(pilot, "j", "enter", "3")


async def test_users_and_titles_are_found_and_asked_about(full_home: Home, monkeypatch: pytest.MonkeyPatch):
    asked: list[list[str]] = []

    async def recommend(_: Backend, run: RunRow, history: list[str]) -> Tried[Ranking]:
        asked.append(history)
        best = ScoredItem("i1", "霸王别姬 [/INST]", -1.25, (1, 2))
        return Tried(Ranking("", (), 3, (best,)), None, "No adapter yet: wait.")

    monkeypatch.setattr(Backend, "recommend", recommend)
    async with opened_app(full_home) as pilot:
        await settle(pilot, "enter", "t", *"heat")
        assert "events" in screen_text(pilot)
        await settle(pilot, "enter")
        assert "history (1)  Heat" in screen_text(pilot)
        assert "1 霸王别姬 [/INST]" in screen_text(pilot)
        assert "-1.25" in screen_text(pilot)
        assert "No adapter yet:" in screen_text(pilot)
        await settle(pilot, *"ran", "down", "up", "enter")
        await settle(pilot, "backspace")
        await settle(pilot, *"u7", "enter")
        assert "user u7  history (8)" in screen_text(pilot)
    assert asked[:3] == [["i4"], ["i4", "i7"], ["i4"]]
    assert len(asked[3]) == 8


async def test_a_blend_has_a_column_of_its_own(full_home: Home, monkeypatch: pytest.MonkeyPatch):
    model = (ScoredItem("i1", "Up", -1.0, (1,)),)
    blended = (ScoredItem("i2", "Alien", -4.0, (1,), score=-0.75),)

    async def recommend(_: Backend, run: RunRow, history: list[str]) -> Tried[Ranking]:
        return Tried(Ranking("", (), 0, model), Ranking("", (), 0, model, "result"))

    async def blend(_: Backend, run: RunRow, history: list[str]) -> Ranking:
        return Ranking("", (), 0, blended, "result")

    monkeypatch.setattr(Backend, "recommend", recommend)
    async with opened_app(full_home) as pilot:
        await settle(pilot, "enter", "t", *"heat", "enter")
        assert "tuned (result)" in screen_text(pilot)
        assert "Alien" not in screen_text(pilot), "the run has no blend"
        monkeypatch.setattr(Backend, "blend", blend)
        await settle(pilot, *"ran", "enter")
        assert "blend" in screen_text(pilot)
        assert "1 Alien" in screen_text(pilot)
        assert "-0.75" in screen_text(pilot)


async def test_the_keys_of_tabs_work_in_the_empty_field_of_try(full_home: Home):
    async with opened_app(full_home) as pilot:
        await settle(pilot, "enter", "t", "right_square_bracket")
        assert pilot.app.screen.tab == "config"
        await settle(pilot, "t", "left_square_bracket")
        assert pilot.app.screen.tab == "previews"
        await settle(pilot, "t", *"alien", "left_square_bracket")
        assert "space mark" not in screen_text(pilot), "in a field it is a blank"
        assert pilot.app.screen.query_one(TryInput).value == "alien["
        await settle(pilot, *"zzz")
        assert "No title or user contains 'alien[zzz'." in screen_text(pilot)
        await settle(pilot, "enter")
        assert pilot.app.screen.query_one(TryInput).value == "alien[zzz"


async def test_an_answer_is_asked_for_again_when_the_run_has_its_result(
    full_home: Home, monkeypatch: pytest.MonkeyPatch
):
    adapters = iter(("checkpoint-120", "result", "never asked"))

    async def recommend(_: Backend, run: RunRow, history: list[str]) -> Tried[Ranking]:
        best = (ScoredItem("i1", "Up", -1.0, (1,)),)
        return Tried(Ranking("", (), 0, best), Ranking("", (), 0, best, next(adapters)))

    monkeypatch.setattr(Backend, "recommend", recommend)
    async with opened_app(full_home) as pilot:
        await settle(pilot, "enter", "t", *"heat", "enter")
        pane = pilot.app.screen.query_one(TryPane)
        ended = pane.row
        assert "tuned (checkpoint-120)" in screen_text(pilot)
        pane.row = replace(ended, state=State.RUNNING)
        await settle(pilot)
        assert "tuned (checkpoint-120)" in screen_text(pilot)
        pane.row = ended
        await settle(pilot)
        assert "tuned (result)" in screen_text(pilot)
        pane.row = ended
        await settle(pilot)
        assert "tuned (result)" in screen_text(pilot)


async def test_a_text_is_asked_about_where_a_run_classifies(full_home: Home, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def labelling(sad: float, adapter: str | None = None) -> Labelling:
        probabilities = {"glad": 1 - sad, "sad\x1b[2J": sad}
        return Labelling((ScoredText(asked[-1], "sad", probabilities, 512),), adapter)

    async def classify(_: Backend, run: RunRow, text: str) -> Tried[Labelling]:
        asked.append(text)
        return Tried(labelling(0.5), labelling(0.9375, "result"))

    monkeypatch.setattr(Backend, "classify", classify)
    async with opened_app(full_home) as pilot:
        await settle(pilot, "enter")
        pane = pilot.app.screen.query_one(TryPane)
        ended = replace(pane.row, task="classify")
        pane.row = ended
        await settle(pilot, "t")
        assert "Type a text and press enter" in screen_text(pilot)
        await settle(pilot, "enter")
        assert asked == []
        await settle(pilot, *"heat", "enter")
        text = screen_text(pilot)
        assert asked == ["heat"]
        assert "No title or user" not in text
        assert "text  heat" in text
        assert "The text was cut to 512 tokens: the model reads no more." in text
        assert re.search(r"untuned +tuned \(result\)", text)
        assert re.search(r"1 glad +50\.0% +1 sad\[2J +93\.8%", text)
        assert re.search(r"2 sad\[2J +50\.0% +2 glad +6\.25%", text)
        pane.row = replace(ended, state=State.RUNNING)
        pane.row = ended
        await settle(pilot)
        assert asked == ["heat", "heat"]
        await settle(pilot, *["backspace"] * 5)
        assert "Type a text and press enter" in screen_text(pilot)


@pytest.mark.parametrize("width", [44, 50, 60, 61, 80])
async def test_rankings_keep_both_columns_on_a_line(full_home: Home, width: int):
    async with opened_app(full_home, (width, 15)) as pilot:
        await settle(pilot, "enter", "right_square_bracket")
        await settle(pilot, "G")
        lines = [line.rstrip() for line in screen_text(pilot).splitlines()]
        ranked = [line for line in lines if re.search(r"\d .*-\d+\.\d\d", line)]
        assert ranked, lines
        assert all(len(re.findall(r"-\d+\.\d\d", line)) == 2 for line in ranked), lines


def test_a_failed_run_tells_its_reason_once(full_home: Home):
    with opened(full_home) as workspace:
        row = replace(refreshed_runs(workspace)[0], state=State.FAILED, reason="The disk is full.")
    text = head_text(row, log_tail=["step 3", "The disk is full."]).plain
    assert text.count("The disk is full.") == 1
    assert "| step 3" in text


async def test_help_lists_the_keys_of_the_screen(full_home: Home):
    async with opened_app(full_home, (100, 50)) as pilot:
        await settle(pilot, "?")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "Stop the run, keep its best adapter." in screen_text(pilot)
        await settle(pilot, "escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_the_palette_finds_actions_and_runs(full_home: Home, until):
    async with opened_app(full_home, (100, 40)) as pilot:
        await settle(pilot, "ctrl+p")
        await until(pilot, lambda: re.search(r"n +Runs: new", screen_text(pilot)))
        await settle(pilot, *"INST")
        await until(pilot, lambda: "Open run 第二次 [/INST]" in screen_text(pilot))
        await settle(pilot, *["backspace"] * 4, *"open run first")
        await until(pilot, lambda: "Open run first" in screen_text(pilot))
        await settle(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await settle(pilot)
        assert pilot.app.session["run"] == "aaaa0001"


async def test_an_unexpected_error_is_one_sentence_and_a_file(
    full_home: Home, monkeypatch: pytest.MonkeyPatch
):
    def break_down(workspace: object, run: str) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    async with opened_app(full_home) as pilot:
        monkeypatch.setattr("promptrec_tui.workspace.run_views.run_document", break_down)
        table(pilot).choose("aaaa0001")
        await settle(pilot, "enter")
        log = full_home.root / "app.log"
        assert notices(pilot) == [f"Unexpected ZeroDivisionError: details in {log}."]
        assert "Traceback" in log.read_text()
        pilot.app.screen.renew()
        await settle(pilot)
        assert len(notices(pilot)) == 1


async def test_a_home_that_cannot_be_opened_stays_in_trouble(empty_home: Home):
    empty_home.create().database.write_text("no database at all" * 100)
    async with opened_app(empty_home) as pilot:
        for _ in range(2):
            pilot.app.screen.renew()
            await settle(pilot)
        assert len(notices(pilot)) == 1
        assert "promptrec.db" in notices(pilot)[0]
        assert "! " in screen_text(pilot).split("\n")[0]
        assert "No runs yet." not in screen_text(pilot)


async def test_ascii_only_draws_ascii(full_home: Home):
    async with opened_app(full_home, (160, 50), ascii_only=True) as pilot:
        chart = pilot.app.screen.query_one(LossChart)
        assert "".join(chart.render_line(y).text for y in range(chart.size.height)).isascii()
        rows = [run_cells(run, fitted(DEFAULT, 200), ASCII)[1:] for run in pilot.app.runs]
        assert all(text.isascii() for cells in rows for text, _ in cells)


async def test_a_live_chart_repaints_little(full_home: Home, monkeypatch: pytest.MonkeyPatch):
    async with opened_app(full_home, (160, 50)) as pilot:
        table(pilot).choose("aaaa0002")
        await settle(pilot)
        chart = pilot.app.screen.query_one(LossChart)
        painted: list[int] = []
        refresh = chart.refresh

        def counted(*regions: Region, **rest: bool) -> Widget:
            painted.extend(region.area for region in regions)
            return refresh(*regions, **rest)

        monkeypatch.setattr(chart, "refresh", counted)
        with EventLog(RunFolder(full_home.runs / "aaaa0002"), 1) as log:
            log.write(MetricEvent(step=115, total_steps=240, epoch=1, values={"train_loss": 1.7}))
        pilot.app.screen.renew()
        await settle(pilot)
        assert 0 < sum(painted) < chart.size.area / 10


async def test_facts_are_never_markup(full_home: Home):
    async with opened_app(full_home, (160, 50)) as pilot:
        table(pilot).choose("aaaa0002")
        await settle(pilot)
        assert screen_text(pilot).count("第二次 [/INST]") == 2


async def test_the_demo_starts_by_itself_and_its_run_is_selected(
    full_home: Home, monkeypatch: pytest.MonkeyPatch
):
    with opened(full_home) as workspace:
        rows = refreshed_runs(workspace)
    other = rows[-1]
    monkeypatch.setattr(demo, "start_demo", lambda workspace: other)
    async with opened_app(full_home, demo=True) as pilot:
        await settle(pilot)
        assert table(pilot).keys[0] != other.id
        assert table(pilot).chosen == other.id
        assert pilot.app.session["run"] == other.id
        assert "reading" not in screen_text(pilot)


async def test_the_end_of_a_run_is_said(full_home: Home):
    async with opened_app(full_home) as pilot:
        rows = pilot.app.runs
        pilot.app.runs = tuple(replace(row, state=State.RUNNING) for row in rows)
        assert notices(pilot) == []
        await settle(pilot)
        pilot.app.runs = rows
        await settle(pilot)
        assert sorted(notices(pilot)) == ["Run first is done.", "Run 第二次 [/INST] is paused."]
