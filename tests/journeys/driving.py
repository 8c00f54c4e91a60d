"""How a journey goes: by keys alone, and by what the screen shows."""

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Select, TextArea

from promptrec_tui.tui.widgets.table import Table
from tests.keys import key_of
from tests.waiting import until

SIZE = (80, 24)
MOST_FIELDS = 60


def shown(pilot: Pilot[Any]) -> str:
    """What is on the screen; a sentence over several lines reads on."""
    lines = (strip.text for strip in pilot.app.screen._compositor.render_strips())
    return " ".join(" ".join(lines).split())


async def opened(pilot: Pilot[Any], screen: type, *words: str) -> None:
    """Wait until a screen is open and shows some words."""
    try:
        await until(
            pilot,
            lambda: isinstance(pilot.app.screen, screen) and all(word in shown(pilot) for word in words),
        )
    except pytest.fail.Exception:
        pytest.fail(f"No {screen.__name__} shows {words}: {shown(pilot)}")


async def do(pilot: Pilot[Any], *actions: str) -> None:
    """Press the key of each action."""
    await pilot.press(*map(key_of, actions))


async def pick(pilot: Pilot[Any], *cells: str) -> None:
    """Walk down a table to the row with these cells."""
    table = pilot.app.screen.query_one(Table)
    for _ in range(table.row_count):
        if {cell.plain.strip() for cell in table.cells_of(table.chosen or "")} >= set(cells):
            return
        await do(pilot, "table.down")
    raise AssertionError(f"there is no row of {cells}")


async def go_to(pilot: Pilot[Any], field: str) -> None:
    """Walk to a field with the key that does it."""
    for _ in range(MOST_FIELDS):
        if pilot.app.focused and pilot.app.focused.id == field:
            return
        await pilot.press("tab")
    raise AssertionError(f"no key leads to {field}")


async def fill(pilot: Pilot[Any], field: str, text: str) -> None:
    """Walk to a field, and type a text in the place of its own."""
    await go_to(pilot, field)
    if not isinstance(pilot.app.focused, TextArea):
        await pilot.press("end", "ctrl+u")
    await pilot.press(*["enter" if char == "\n" else char for char in text])


async def choose(pilot: Pilot[Any], field: str, option: str) -> None:
    """Walk to a choice, and take an option."""
    await go_to(pilot, field)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.focused, OptionList))
    options = pilot.app.focused
    assert isinstance(options, OptionList)
    for _ in range(options.option_count):
        place = options.highlighted
        if place is not None and str(options.get_option_at_index(place).prompt) == option:
            break
        await pilot.press("down")
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen.query_one(f"#{field}", Select).value == option)
