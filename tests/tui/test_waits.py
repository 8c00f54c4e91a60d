"""What is said of waits, and how they are left."""

import asyncio
import re
from pathlib import Path

import pytest

from promptrec_tui import tui
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui import waits as module
from promptrec_tui.tui.waits import WORDS, Wait, Waits, refreshing, wait_text, words_of


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are told after moments."""
    for name in ("TOLD_SECONDS", "LEAVE_SECONDS", "BEAT_SECONDS"):
        monkeypatch.setattr(module, name, 0.01)


def text_of(wait: Wait | None) -> str:
    return wait.what if wait else ""


async def test_a_short_wait_is_not_told_and_a_long_one_until_it_is_over(quick: None) -> None:
    told: list[str] = []
    waits = Waits(lambda wait: told.append(text_of(wait)))
    with waits.waiting("nothing much"):
        pass
    assert told == [""]
    with waits.waiting("reading"):
        while "reading" not in told:
            await asyncio.sleep(0.01)
    assert told[-1] == ""


async def test_leaving_cancels_the_task_that_waits(quick: None) -> None:
    waits = Waits(lambda wait: None)
    assert waits.leave() == ""

    async def work() -> None:
        with waits.waiting("comparing"):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    while not (left := waits.leave()):
        await asyncio.sleep(0.01)
    assert left == "comparing"
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waits.leave() == ""


async def test_a_refresh_is_neither_told_nor_left(quick: None) -> None:
    told: list[str] = []
    waits = Waits(lambda wait: told.append(text_of(wait)))
    refreshing.set(asyncio.current_task())
    with waits.waiting("reading the runs"):
        await asyncio.sleep(0.1)
        assert waits.leave() == ""
    assert set(told) == {""}


async def test_what_a_refresh_starts_is_told(quick: None) -> None:
    told: list[str] = []
    waits = Waits(lambda wait: told.append(text_of(wait)))
    refreshing.set(asyncio.current_task())

    async def work() -> None:
        with waits.waiting("comparing"):
            while "comparing" not in told:
                await asyncio.sleep(0.01)

    await asyncio.create_task(work())


def test_the_text_beats_and_says_how_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: clock)
    wait, quiet = Wait("reading", None, False), Wait("reading", None, True)
    clock = 100.3
    assert wait_text(wait, "ab") == "a reading"
    clock = 102.7
    assert wait_text(wait, "ab") == "b reading 3 s, esc leaves"
    assert wait_text(quiet, "ab") == "b reading 3 s"


def test_the_words_are_of_functions_that_there_are() -> None:
    for name in WORDS:
        noun, _, function = name.partition(".")
        assert callable(getattr(__import__(f"promptrec_tui.workspace.{noun}", fromlist=["x"]), function))
    assert words_of(workspace.new_runs.start_run) == WORDS["new_runs.start_run"]
    assert words_of(lambda opened: None) == "reading the home"


def test_every_call_of_a_screen_has_its_words() -> None:
    sources = (path.read_text("utf-8") for path in Path(tui.__file__).parent.rglob("*.py"))
    asked = re.compile(r"\bask(?:_aside)?\(\s*workspace\.(\w+\.\w+)")
    called = {call for text in sources for call in asked.findall(text)}
    assert len(called) > 40
    assert called <= WORDS.keys()
