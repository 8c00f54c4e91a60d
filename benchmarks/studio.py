"""Response times of screens: a keystroke in the template editor, paging through a million rows.

    python benchmarks/studio.py [--rows 1000000] [--movielens FOLDER] [--publish]

The app runs as in its tests, without a terminal around it, in a home of its own: ml-latest-small for the
editor, simulated interactions for the rows. A keystroke is measured until the rendering is on the screen's
widget, a page until its rows are there; all the while the event loop is asked how late it is.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from importing import simulate
from results import publish, section, table, verdict
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.gc_tuning import shorten_pauses
from promptrec_tui.tui.screens.edit_template import EditTemplateScreen
from promptrec_tui.tui.widgets.paged_table import PagedTable
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.opening import opened

SIZE = (160, 50)
KEYS, PAGES = 100, 300
KEYSTROKE_MS, STUTTER_MS = 50, 50
TYPED = "Someone who knows films well "
LATE = 0.002
MOVIELENS = Path(__file__).parent.parent.parent / "shared" / "data" / "ml-latest-small"
"""Not imported from `movielens`, which loads torch."""


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Wait for the effect of the last keys; raises an error after a minute."""
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        await pilot.pause(0.02)


@asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """The delay, in milliseconds, of a task that the event loop should run every 2 ms."""
    delays: list[float] = []

    async def watch() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(LATE)
            delays.append((time.perf_counter() - start - LATE) * 1000)

    task = asyncio.create_task(watch())
    yield delays
    task.cancel()


async def timed(press: Callable[[], object], done: Callable[[], bool]) -> float:
    """Milliseconds from a key to its effect."""
    start = time.perf_counter()
    press()
    while not done():
        await asyncio.sleep(0.0005)
    return (time.perf_counter() - start) * 1000


async def keystrokes(pilot: Pilot[None], users: int) -> tuple[list[float], list[float]]:
    """Type into the prompt of a new template, rendered for the user `users` rows further down."""
    app = pilot.app
    await pilot.press("3")
    await until(pilot, lambda: "user" in said(app, "facts"))
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, EditTemplateScreen) and "user" in said(app, "facts"))
    for _ in range(users):
        before = said(app, "facts")
        await pilot.press("f6")
        await until(pilot, lambda: said(app, "facts") != before)  # noqa: B023 (awaited at once)
    shown = app.screen.query_one("#rendering", Static)
    times = []
    async with lateness() as late:
        for number in range(KEYS):
            key = TYPED[number % len(TYPED)]
            before = shown.visual
            times.append(
                await timed(
                    lambda: app.post_message(events.Key("space" if key == " " else key, key)),  # noqa: B023
                    lambda: shown.visual is not before,  # noqa: B023
                )
            )
            # A person takes longer, and the draft is written meanwhile.
            await asyncio.sleep(0.1)
    await pilot.press("escape", "escape")
    return times, late


async def pages(pilot: Pilot[None]) -> tuple[list[float], list[float]]:
    """Page down through the rows as fast as they come."""
    app = pilot.app
    await pilot.press("2")
    await until(pilot, lambda: app.screen.query("#rows"))
    await pilot.press("v")
    rows = app.screen.query_one("#rows", PagedTable)
    await until(pilot, lambda: rows.chosen is not None)
    times = []
    async with lateness() as late:
        for _ in range(PAGES):
            place = rows.cursor
            times.append(
                await timed(
                    lambda: app.post_message(events.Key("pagedown", None)),
                    lambda: rows.cursor != place and rows.chosen is not None,  # noqa: B023
                )
            )
            await asyncio.sleep(0.02)
        times.append(
            await timed(
                lambda: app.post_message(events.Key("G", "G")),
                lambda: rows.cursor == rows.row_count - 1 and rows.chosen is not None,
            )
        )
    return times, late


def said(app: object, name: str) -> str:
    """The text of a widget."""
    return app.screen.query_one(f"#{name}", Static).visual.plain  # type: ignore[attr-defined,no-any-return]


async def in_app(home: Home, act: Callable[[Pilot[None]], Awaitable[tuple[list[float], list[float]]]]) -> str:
    """Median and worst of an action's times, and the longest delay of the loop."""
    app = PromptrecApp(home)
    async with app.run_test(size=SIZE) as pilot:
        # As the app does in a terminal.
        shorten_pauses()
        times, late = await act(pilot)
    assert len(late) > len(times)
    return f"{median(times):.1f} ms, {max(times):.1f} ms; event loop at most {max(late):.0f} ms late"


def report(folder: Path, films: Path, rows: int) -> list[str]:
    """The figures beside their goals."""
    # Separate homes, or the second app would ask about the draft of the first.
    short, long, large = (Home(folder / name) for name in ("short", "long", "large"))
    source = folder / "source"
    source.mkdir()
    simulate(source, rows)
    for place, data in ((short, films), (long, films), (large, source)):
        with opened(place) as workspace:
            count = import_source(workspace, data, "films", ImportOptions()).interactions
    measured = [
        ["a keystroke to its rendering, user of 20 events", KEYSTROKE_MS, asyncio.run(in_app(short, first))],
        [
            "the same, user of 1,700 events",
            KEYSTROKE_MS,
            asyncio.run(in_app(long, fifteenth)),
        ],
        [f"a page down in {count:,} rows, and to the end", STUTTER_MS, asyncio.run(in_app(large, pages))],
    ]
    return [
        f"Median and worst of {KEYS} keys ({PAGES} pages). The wait for a next keystroke, 5 ms, is part of "
        f"it. Load at the start {os.getloadavg()[0]:.1f}.",
        "",
        *table(
            ["figure", "goal", "measured"],
            [
                [name, f"under {goal} ms", verdict(text, float(text.split(" ", 1)[0]) < goal)]
                for name, goal, text in measured
            ],
        ),
    ]


async def first(pilot: Pilot[None]) -> tuple[list[float], list[float]]:
    """Keystrokes for the first user."""
    return await keystrokes(pilot, 0)


async def fifteenth(pilot: Pilot[None]) -> tuple[list[float], list[float]]:
    """Keystrokes for the one with the longest history among the first."""
    return await keystrokes(pilot, 14)


def main(arguments: Sequence[str]) -> None:
    """Measure, print; write the section of RESULTS.md on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as temporary:
        text = section(
            "Screens", os.cpu_count() or 1, report(Path(temporary), options.movielens, options.rows)
        )
    print(text)
    if options.publish:
        publish("Screens", text)


if __name__ == "__main__":
    main(sys.argv[1:])
