"""Finding one's way: jump labels, breadcrumbs, help, palette and the settings of the app."""

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from promptrec_tui.home import Home
from promptrec_tui.tui.palette import score, spans
from promptrec_tui.tui.screens.data import DataScreen
from promptrec_tui.tui.screens.help import HelpScreen
from promptrec_tui.tui.screens.jump import JumpScreen
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.screens.settings import KeyScreen, SettingsScreen
from promptrec_tui.tui.screens.templates import TemplatesScreen
from promptrec_tui.workspace.preferences import load_preferences
from tests.tui.test_app import opened_app, screen_text, settle, table


async def test_a_letter_over_each_tab_and_pane_goes_there_and_the_top_bar_says_where(full_home: Home):
    async with opened_app(full_home, (100, 30)) as pilot:
        table(pilot).choose("aaaa0001")
        await settle(pilot, "enter")
        assert "› first › Curves" in screen_text(pilot).splitlines()[0]
        await settle(pilot, "ctrl+o")
        assert isinstance(pilot.app.screen, JumpScreen)
        places = pilot.app.screen._places
        tabs = {letter: place for letter, place in places.items() if "show_tab" in str(place.go)}
        assert len(tabs) == 5
        assert len(places) > len(tabs)
        line = screen_text(pilot).splitlines()[places["f"].offset.y]
        assert line[places["f"].offset.x] == "f"
        await settle(pilot, "f")
        assert "› first › Config" in screen_text(pilot).splitlines()[0]
        # Any other key leaves all as it is.
        await settle(pilot, "ctrl+o", "escape")
        assert isinstance(pilot.app.screen, RunScreen)
        await settle(pilot, "ctrl+o", "d")
        assert pilot.app.screen.tab == "try"
        await settle(pilot, "]")
        assert pilot.app.screen.tab == "config"
        await settle(pilot, "escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_help_begins_with_the_focused_pane_and_can_be_searched(full_home: Home):
    async with opened_app(full_home, (100, 40)) as pilot:
        await settle(pilot, "enter", "?")
        assert isinstance(pilot.app.screen, HelpScreen)
        shown = screen_text(pilot)
        assert shown.index("This pane: the curves") < shown.index("One run")
        await settle(pilot, "/", *"spike")
        assert "To the next outlier." not in screen_text(pilot)
        await settle(pilot, *["backspace"] * 5, *"outl")
        assert "To the next outlier." in screen_text(pilot)
        assert "Stop the run" not in screen_text(pilot)
        # A letter in the field is text; esc empties it, the next one leaves the page.
        await settle(pilot, "q")
        assert "No key does anything like 'outlq'" in screen_text(pilot)
        await settle(pilot, "escape")
        assert isinstance(pilot.app.screen, HelpScreen)
        await settle(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def choose(pilot, until, query: str, line: str) -> None:
    """Have the palette find a line, and take it."""
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    pilot.app.screen.query_one(Input).value = query
    await until(pilot, lambda: line in screen_text(pilot))
    await pilot.press("enter")


async def test_the_palette_goes_to_datasets_templates_and_settings_by_name(shop_home: Home, until):
    async with opened_app(shop_home, (80, 24)) as pilot:
        await choose(pilot, until, "dataset shop", "Dataset shop")
        await until(pilot, lambda: isinstance(pilot.app.screen, DataScreen))
        await choose(pilot, until, "template list-zh", "Template list-zh")
        await until(pilot, lambda: isinstance(pilot.app.screen, TemplatesScreen))
        await until(pilot, lambda: (row := pilot.app.screen.present_template) and row.name == "list-zh")
        await choose(pilot, until, "train.patience", "Setting train.patience")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen))
        await until(pilot, lambda: getattr(pilot.app.focused, "text", "") == "train.patience=")
        assert "Evaluations without a better value" in screen_text(pilot)


@pytest.mark.parametrize(
    ("better", "worse", "query"),
    [
        ("Runs: stop", "Open run non-stop", "stop"),
        ("Open run films", "Open run all films", "open run films"),
        ("Open run films", "Runs: fork", "films"),
        ("Runs: resume", "Runs: kill", "rsm"),
    ],
)
def test_what_fits_better_comes_first(better: str, worse: str, query: str) -> None:
    words = query.split()
    assert score(words, better) > score(words, worse)


def test_a_purpose_is_found_and_where_words_are_is_marked() -> None:
    assert 0 < score(["adapter"], "Runs: stop", "Keep its best adapter.") < score(["stop"], "Runs: stop")
    assert score(["xyz"], "Runs: stop") == score([], "Runs: stop") == 0
    assert list(spans("stop runs", "Runs: stop")) == [(6, 10), (0, 4)]


async def test_a_key_is_changed_kept_and_refused_where_it_means_something(full_home: Home, until):
    async with opened_app(full_home, (100, 30)) as pilot:
        await settle(pilot, "comma")
        pilot.app.screen.query_one("#filter", Input).value = "runs fork"
        await settle(pilot, "enter")
        assert isinstance(pilot.app.screen, KeyScreen)
        await settle(pilot, "n")
        assert "n means new already (Runs)" in screen_text(pilot)
        await settle(pilot, "Z")
        assert isinstance(pilot.app.screen, SettingsScreen)
        await until(pilot, lambda: full_home.preferences.exists())
        assert load_preferences(full_home).keys == {"runs.fork": "Z"}
        await settle(pilot, "escape", "escape", "f")
        assert isinstance(pilot.app.screen, RunsScreen)
    async with opened_app(full_home, (100, 30)) as pilot:
        await settle(pilot, "Z")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen))
