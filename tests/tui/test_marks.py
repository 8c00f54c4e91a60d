"""One set of marks for the list, the screen of a run, a comparison and the palette."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input

from promptrec_tui.home import Home
from promptrec_tui.tui.glyphs import ASCII
from promptrec_tui.tui.marks import keep_marks, mark_text, marked_baseline, marked_runs, toggle_mark
from promptrec_tui.tui.screens.compare import CompareScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets.run_table import RunTable
from tests.tui.conftest import write_dataset
from tests.tui.test_compare import NAMES, RANKS, compare, opened, shown, write_compared
from tests.waiting import until


@pytest.fixture
def home(empty_home: Home, tmp_path: Path) -> Home:
    """Three finished runs that can be compared."""
    dataset = write_dataset(empty_home, tmp_path)
    for run, name in NAMES.items():
        write_compared(empty_home, dataset, run, name, RANKS[run])
    return empty_home


class Session(SimpleNamespace):
    """What marks need of the app."""

    def recall(self, name: str, default: Any) -> Any:
        return self.kept.get(name, default)

    def remember(self, **changes: Any) -> None:
        self.kept |= changes


def session(**kept: Any) -> Any:
    return Session(runs=[SimpleNamespace(id=run) for run in "abc"], kept=kept)


def test_marks_are_toggled_and_the_baseline_is_always_one_of_them() -> None:
    app = session()
    assert (marked_runs(app), marked_baseline(app)) == ((), "")
    for run in "bca":
        toggle_mark(app, run)
    assert (marked_runs(app), marked_baseline(app)) == (("b", "c", "a"), "b")
    keep_marks(app, marked_runs(app), "a")
    toggle_mark(app, "b")
    assert (marked_runs(app), marked_baseline(app)) == (("c", "a"), "a")
    toggle_mark(app, "a")
    toggle_mark(app, "a")
    assert (marked_runs(app), marked_baseline(app)) == (("c", "a"), "c")


def test_runs_that_are_gone_and_what_a_damaged_session_says_are_no_marks() -> None:
    assert marked_runs(session(marks=["a", "gone", [], 7, "c"])) == ("a", "c")


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ("", ""),
        ("a", "+ marked"),
        ("bac", "+ marked with 2 more"),
        ("b", "1 other marked"),
        ("bc", "2 others marked"),
    ],
)
def test_the_text_tells_of_the_run_and_of_the_others(marks: str, text: str) -> None:
    assert mark_text("a", tuple(marks), ASCII) == text


async def mark_on_its_screen(pilot: Pilot[Any], run: str, said: str) -> None:
    """Open a run from the list, mark it, unmark it, and mark it again."""
    pilot.app.screen.query_one(RunTable).choose(run)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen) and NAMES[run] in shown(pilot))
    await pilot.press("space")
    await until(pilot, lambda: said in shown(pilot))
    await pilot.press("space")
    await until(pilot, lambda: said not in shown(pilot))
    await pilot.press("space")


async def test_runs_are_marked_and_compared_on_their_own_screens(home: Home) -> None:
    async with opened(home) as pilot:
        await mark_on_its_screen(pilot, "aaaa0001", "◆ marked")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and "1 marked" in shown(pilot))
        await mark_on_its_screen(pilot, "aaaa0003", "◆ marked with 1 more")
        await pilot.press("=")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: "A first ★ baseline   B third" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and "2 marked" in shown(pilot))
        assert "★ first" in shown(pilot)
        assert "◆ third" in shown(pilot)


async def test_a_comparison_takes_a_run_out_of_the_marks_and_in_again(home: Home) -> None:
    async with opened(home, (120, 30)) as pilot:
        await compare(pilot, *NAMES)
        await pilot.press(")")
        await until(pilot, lambda: "third: ◆ marked with 2 more" in shown(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "third: 2 others marked" in shown(pilot))
        await pilot.press("(", "space")
        await until(pilot, lambda: "第二次 [/INST]: 1 other marked" in shown(pilot))
        await pilot.press("space", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and "2 marked" in shown(pilot))
        assert "◆ 第二次" in shown(pilot)
        assert "◆ third" not in shown(pilot)


async def choose(pilot: Pilot[Any], line: str) -> None:
    """Have the palette find a line, and take it."""
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    pilot.app.screen.query_one(Input).value = line.lower()
    await until(pilot, lambda: line in shown(pilot))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_the_palette_marks_runs_by_name(home: Home) -> None:
    async with opened(home) as pilot:
        await choose(pilot, "Mark run third")
        await until(pilot, lambda: "★ third" in shown(pilot))
        await choose(pilot, "Unmark run third")
        await until(pilot, lambda: "marked" not in shown(pilot))
