"""Keys that arrive all at once act as if each had waited for the one before."""

from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.new_run import NewRunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from tests.waiting import until


def at_once(app: PromptrecApp, *keys: str) -> None:
    """Keys in one packet, as a slow line brings them."""
    for key in keys:
        one = len(key) == 1
        app.post_message(events.Key(_character_to_key(key) if one else key, key if one else None))


async def test_letters_behind_the_key_of_the_filter_go_into_it(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.runs and app.screen.has_class("-loaded"))
        at_once(app, "/", *"xxDp")
        await until(pilot, lambda: app.screen.query_one(Input).value == "xxDp")
        assert isinstance(app.screen, RunsScreen), "no letter has become an action"


async def test_a_field_is_cleared_before_it_is_filled(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.runs and app.screen.has_class("-loaded"))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen) and app.screen.has_class("-loaded"))
        field = app.screen.query_one("#name", Input)
        field.focus()
        await until(pilot, lambda: field.has_focus)
        at_once(app, "end", "ctrl+u", *"short", "end", "left", "x", "tab")
        await until(pilot, lambda: field.value == "shorxt" and not field.has_focus)


async def test_a_key_to_a_screen_that_is_gone_does_not_hold_up_the_next(full_home: Home) -> None:
    app = PromptrecApp(full_home)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.runs and app.screen.has_class("-loaded"))
        at_once(app, "?", "escape", "2", "1", "/", "y")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app._climb is None)
        at_once(app, "escape", "/", "z")
        await until(pilot, lambda: app.screen.query_one(Input).value.endswith("z"))
