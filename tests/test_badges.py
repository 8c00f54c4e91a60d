"""Every state of a run has one badge, which no colour is needed to tell from the others."""

import re

import pytest
from rich.cells import cell_len
from rich.style import Style

from promptrec_tui.badges import BADGES, HELD, STALLED, badge_of
from promptrec_tui.cli.main import command_app
from promptrec_tui.runs.states import RESUMABLE, State
from promptrec_tui.tui.widgets.run_columns import COLUMNS


def test_each_state_has_a_badge_of_its_own() -> None:
    assert set(BADGES) == {*State, STALLED, HELD}
    for signs in ([badge.sign for badge in BADGES.values()], [badge.ascii for badge in BADGES.values()]):
        assert len(set(signs)) == len(BADGES)
        assert all(cell_len(sign) == 1 for sign in signs)
    assert all(badge.ascii.isascii() for badge in BADGES.values())
    width = COLUMNS["state"].least
    assert all(len(badge.word) + 2 <= width for badge in BADGES.values())


def test_colours_are_of_the_sixteen_that_every_terminal_has() -> None:
    for badge in BADGES.values():
        colour = Style.parse(badge.colour).color
        assert colour is None or (colour.number is not None and colour.number < 16)


def test_what_overrides_a_state() -> None:
    assert badge_of("running").word == "running"
    assert badge_of("running", stalled=True) is BADGES[STALLED]
    assert "red" in BADGES[STALLED].colour
    assert badge_of("queued", held=True) is BADGES[HELD]
    assert badge_of("of next year").word == "of next year"


@pytest.mark.parametrize("state", sorted(RESUMABLE))
def test_what_can_be_resumed_says_how(state: State) -> None:
    assert "promptrec run resume 'my run'" in badge_of(state).text("'my run'")


def test_advice_names_commands_that_there_are() -> None:
    run = next(group for group in command_app("run").registered_groups if group.name == "run")
    assert run.typer_instance
    known = {command.name for command in run.typer_instance.registered_commands}
    advised = {
        name for badge in BADGES.values() for name in re.findall(r"promptrec run ([\w-]+)", badge.advice)
    }
    assert advised
    assert advised <= known
