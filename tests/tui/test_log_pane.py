"""The log and the config of a run by keyboard: follow, scroll, search, errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from promptrec_tui.home import Home
from promptrec_tui.runs import log_blocks
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.widgets import log_pane
from promptrec_tui.tui.widgets.line_view import LineView, matches, wrapped
from promptrec_tui.tui.widgets.log_pane import LogPane
from tests.waiting import until


def log_of(home: Home) -> Path:
    return RunFolder(home.runs / "aaaa0001").attempt(1).log


async def open_log(pilot: Pilot[Any]) -> LineView:
    await until(pilot, lambda: pilot.app.runs)
    pilot.app.open_run("aaaa0001")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    await until(pilot, lambda: pilot.app.screen.has_class("-loaded"))
    await pilot.press("L")
    view = pilot.app.screen.query_one(LogPane).view
    await until(pilot, lambda: view.lines)
    return view


def title_of(pilot: Pilot[Any], tab: str = "log") -> str:
    return pilot.app.screen.query_one(f"#{tab} .title", Static).content.plain


def under_cursor(view: LineView) -> str:
    return view.lines[view.cursor].text


async def test_the_log_is_followed_until_one_scrolls(full_home: Home) -> None:
    log = log_of(full_home)
    log.write_text("".join(f"step {number}\n" for number in range(100)))
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await open_log(pilot)
        assert under_cursor(view) == "step 99"
        assert title_of(pilot) == "log of attempt 1  790 bytes  line 100 of 100  follows"
        with open(log, "a") as file:
            file.write("step 100\nloading  1%\rloading 50%")
        app.screen.renew()
        await until(pilot, lambda: under_cursor(view) == "loading 50%")
        with open(log, "a") as file:
            file.write("\rloading 100%\nstep 101\n")
        app.screen.renew()
        await until(pilot, lambda: under_cursor(view) == "step 101")
        assert [line.text for line in view.lines[-3:]] == ["step 100", "loading 100%", "step 101"]
        assert view.is_vertical_scroll_end

        await pilot.press("k", "ctrl+u")
        assert title_of(pilot).endswith("G follows")
        here, scrolled = under_cursor(view), view.scroll_y
        with open(log, "a") as file:
            file.write("step 102\n")
        app.screen.renew()
        await until(pilot, lambda: view.lines[-1].text == "step 102")
        assert (under_cursor(view), view.scroll_y) == (here, scrolled)
        await pilot.press("G")
        assert under_cursor(view) == "step 102"
        await until(pilot, lambda: title_of(pilot).endswith("follows") and "G" not in title_of(pilot))


async def test_matches_and_errors_are_found_around_the_end(full_home: Home) -> None:
    lines = ["starting", "[red]Needle one", *["."] * 60, "ValueError: bad", *["."] * 60, "a needle", "end"]
    log_of(full_home).write_text("\n".join(lines) + "\n")
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        view = await open_log(pilot)
        await pilot.press("/", *"needle", "enter")
        await until(pilot, lambda: under_cursor(view) == "[red]Needle one")
        assert view.has_focus
        await pilot.press("n")
        await until(pilot, lambda: under_cursor(view) == "a needle")
        await pilot.press("N")
        await until(pilot, lambda: under_cursor(view) == "[red]Needle one")
        await pilot.press("!")
        await until(pilot, lambda: under_cursor(view) == "ValueError: bad")
        await pilot.press("G", "&")
        await until(pilot, lambda: under_cursor(view) == "ValueError: bad")
        await pilot.press("/", *"xyz", "enter")
        await until(pilot, lambda: any("No line has" in notice.message for notice in app._notifications))
        assert under_cursor(view) == "ValueError: bad"
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)
        assert view.sought == ""
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, RunScreen))


async def test_of_a_large_log_only_parts_are_held(full_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK", 4_000)
    monkeypatch.setattr("promptrec_tui.workspace.run_logs.BLOCK", 4_000)
    monkeypatch.setattr(log_pane, "MOST_LINES", 500)
    log_of(full_home).write_text("".join(f"step {number:05}\n" for number in range(20_000)))
    app = PromptrecApp(full_home)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await open_log(pilot)
        assert under_cursor(view) == "step 19999"
        assert len(view.lines) < 500
        for _ in range(100):
            if view.lines[0].text < "step 19500":
                break
            await pilot.press(*["ctrl+u"] * 10)
        assert len(view.lines) <= 500
        numbers = [int(line.text.split()[1]) for line in view.lines]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        await pilot.press("g")
        await until(pilot, lambda: under_cursor(view) == "step 00000")
        await pilot.press("/", *"step 07777", "enter")
        await until(pilot, lambda: under_cursor(view) == "step 07777")
        assert "at 39%" in title_of(pilot)
        await until(pilot, lambda: view.lines[0].text < "step 07777")
        assert under_cursor(view) == "step 07777"
        await pilot.press("G")
        await until(pilot, lambda: under_cursor(view) == "step 19999")


async def test_the_config_is_searched_too(full_home: Home, screen_text: Callable[[Any], str]) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test(size=(60, 15)) as pilot:
        await open_log(pilot)
        await pilot.press("[")
        view = app.screen.query_one("#config LineView", LineView)
        assert "settings differ from the defaults" in title_of(pilot, "config")
        await pilot.press("/", *"RANK", "enter")
        await pilot.press("escape", "/", *"tuning.rank", "enter")
        assert under_cursor(view).startswith("  tuning.rank")
        assert "tuning.rank" in screen_text(app)


def test_rows_are_as_wide_as_there_is_room() -> None:
    assert wrapped("", 5) == [(0, 0)]
    assert wrapped("abcdef", 4) == [(0, 4), (4, 6)]
    assert wrapped("霸王别姬", 5) == [(0, 2), (2, 4)]
    assert list(matches("A needle, a Needle", "needle")) == [(2, 8), (12, 18)]
    assert list(matches("A needle, a Needle", "Needle")) == [(12, 18)]
    assert list(matches("x", "")) == []
