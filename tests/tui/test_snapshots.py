"""How screens look. After a wanted change: `make test ARGS="tests/tui/test_snapshots.py --snapshot-update"`.

The pictures hold for the versions in constraints.txt.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets import run_columns
from promptrec_tui.tui.widgets.run_text import age_text
from promptrec_tui.workspace import home_view

Until = Callable[[Pilot[Any], Callable[[], object]], Awaitable[None]]
Compare = Callable[..., bool]

TODAY = datetime(2026, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock, and nothing of the machine and the terminal that the tests run in."""
    monkeypatch.setattr(run_columns, "age_text", lambda then: age_text(then, TODAY))
    free = home_view.Machine((), 4 * 10**9, 8 * 10**9, 20 * 10**9)
    monkeypatch.setattr(home_view, "machine", lambda workspace: free)
    for name in ("NO_COLOR", "COLORTERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


async def settle(pilot: Pilot[Any], until: Until, kind: type[Screen[Any]]) -> None:
    """Wait until a screen shows its data and all that they set going has ended."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.has_class("-loaded"))
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
def test_the_runs(snap_compare: Compare, full_home: Home, until: Until, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await settle(pilot, until, RunsScreen)

    assert snap_compare(PromptrecApp(full_home), terminal_size=size, run_before=prepare)


def test_the_curves_of_a_run(snap_compare: Compare, full_home: Home, until: Until) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await settle(pilot, until, RunsScreen)
        await pilot.press("enter")
        await settle(pilot, until, RunScreen)

    assert snap_compare(PromptrecApp(full_home), terminal_size=(80, 24), run_before=prepare)


def test_the_templates(snap_compare: Compare, shop_home: Home, until: Until) -> None:
    def facts(pilot: Pilot[Any]) -> str:
        return pilot.app.screen.query_one("#facts", Static).visual.plain

    async def prepare(pilot: Pilot[Any]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "(tiny)" in facts(pilot))
        # The other model is the tests' own, so its tokens stay as they are.
        await pilot.press("m")
        await until(pilot, lambda: "(small)" in facts(pilot))
        await pilot.pause()

    assert snap_compare(PromptrecApp(shop_home), terminal_size=(80, 24), run_before=prepare)
