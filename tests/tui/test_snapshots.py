"""How screens look. After a wanted change: `make test ARGS="tests/tui/test_snapshots.py --snapshot-update"`.

The pictures hold for the versions in constraints.txt.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from promptrec_tui.errors import UserError
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.liveness import Heartbeat, boot_id, boottime, take_lock
from promptrec_tui.runs.logout import Survival
from promptrec_tui.tui import waits
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets import run_columns
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.tui.widgets.run_text import age_text
from promptrec_tui.workspace import home_view, run_document, run_views

Until = Callable[[Pilot[Any], Callable[[], object]], Awaitable[None]]
Compare = Callable[..., bool]

TODAY = datetime(2026, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock, and nothing of the machine and the terminal that the tests run in."""
    monkeypatch.setattr(run_columns, "age_text", lambda then: age_text(then, TODAY))
    free = home_view.Machine((), 4 * 10**9, 8 * 10**9, 20 * 10**9)
    monkeypatch.setattr(home_view, "machine", lambda workspace: free)
    monkeypatch.setattr(run_document, "run_survival", lambda folder: Survival("yes", "It is a service."))
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


@pytest.fixture
def stuck(full_home: Home) -> Iterator[RunFolder]:
    """The paused run, resumed: its processes live, and have not got on for five minutes."""
    folder = RunFolder(full_home.runs / "aaaa0002")
    folder.attempt(2).path.mkdir()
    write_json(folder.attempt(2).started, {})
    then = boottime() - 300
    write_json(folder.heartbeat, asdict(Heartbeat(2, "training", 110, then, then, boot_id())))
    lock = take_lock(folder.lock)
    assert lock
    yield folder
    lock.release()


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("look", ["stalled", "16-colours", "light", "ascii", "busy", "error"])
def test_a_look(
    snap_compare: Compare,
    full_home: Home,
    until: Until,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    look: str,
    size: tuple[int, int],
) -> None:
    """On a small terminal the screen of the run, on a large one the list with its curve."""
    if look == "stalled":
        request.getfixturevalue("stuck")
    monkeypatch.setattr(PromptrecApp, "few_colours", look == "16-colours")
    # One beat that lasts: neither its sign nor its seconds change.
    monkeypatch.setattr(waits, "LEAVE_SECONDS", math.inf)
    monkeypatch.setattr(waits, "BEAT_SECONDS", 1e9)
    app = PromptrecApp(full_home, ascii_only=look == "ascii")

    async def hold() -> None:
        with app.waits.waiting(waits.WORDS["compare.compare_runs"]):
            await asyncio.Event().wait()

    def broken(workspace: object) -> NoReturn:
        raise UserError("The disk with the catalogue is gone: mount it, and go on.")

    async def prepare(pilot: Pilot[Any]) -> None:
        await settle(pilot, until, RunsScreen)
        app.screen.query_one(RunTable).choose("aaaa0002")
        await pilot.pause()
        if size == (80, 24):
            await pilot.press("enter")
            await settle(pilot, until, RunScreen)
        if look == "light":
            app.theme = "textual-light"
        elif look == "busy":
            app.run_worker(hold())
            await until(pilot, lambda: app.wait)
        elif look == "error":
            monkeypatch.setattr(run_views, "refreshed_runs", broken)
            await until(pilot, lambda: app.trouble)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=prepare)


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
