"""Ten thousand runs and a million points: the time to scan all folders, and to open the list of runs.

`python benchmarks/catalogue.py [--folder F]` builds a home in F (or in a temporary folder) and measures it; a
home that F has already is used again. Peers: the same `stat` calls with nothing around them, and the same
rows read with plain `sqlite3`.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from results import publish, section, table, verdict

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.liveness import take_lock
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.store.runs import FIELDS
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.tui.widgets.run_table import RunTable
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.run_views import refreshed_runs
from promptrec_tui.workspace.runs import refresh

RECONCILE_GOAL, OPEN_GOAL = 1.0, 0.5
"""Seconds."""

LIVE = 20
TIMES = 7


def spec(name: str) -> RunSpec:
    """The spec that all runs share but for id and name."""
    sha = "0" * 64
    return RunSpec(
        id=name,
        name=name,
        created="2026-01-02T03:04:05+00:00",
        task="next_item",
        dataset=DatasetRef(id="d", name="films", file="datasets/d.sqlite", sha256=sha),
        template=TemplateRef(
            id="t",
            name="list",
            version=1,
            task="next_item",
            language="any",
            prompt="{% for item in history %}{{ item.title }}\n{% endfor %}",
            completion="{{ item.title }}",
            end_token="\n",
            sha256=sha,
        ),
        model=ModelRef(id="m", name="tiny", folder="/none", sha256=sha, family="qwen3", model_type="qwen3"),
        settings=Settings(),
        versions={},
        machine={},
    )


def build(home: Home, runs: int, points: int, live: int = LIVE) -> None:
    """Make the run folders, as claim, supervisor and trainer leave them; the `live` last have not ended."""
    create_run(home, spec("r00000"))
    pattern = RunFolder(home.runs / "r00000").spec_file.read_text()
    steps = points // runs // 2
    lines = [
        {"kind": "metric", "step": step, "total_steps": steps, "epoch": 0.1}
        | {"values": {"train_loss": 3 - step / steps, "learning_rate": 1e-3}}
        for step in range(1, steps + 1)
    ]
    events = [{"seq": seq, "attempt": 1, "time": 1.7e9 + seq, **line} for seq, line in enumerate(lines, 1)]
    text = "".join(json.dumps(event) + "\n" for event in events)
    verdict_ = json.dumps({"code": 0, "signal": None, "time": 1.7e9, "state": "done", "reason": ""})
    for number in range(runs):
        folder = RunFolder(home.runs / f"r{number:05d}")
        attempt = folder.attempt(1)
        for place in (attempt.path, folder.control, folder.checkpoints, folder.result):
            place.mkdir(parents=True, exist_ok=True)
        folder.spec_file.write_text(pattern.replace("r00000", folder.id))
        folder.events.write_text(text)
        folder.lock.touch()
        attempt.log.touch()
        attempt.started.write_text('{"time": 1.7e9, "supervisor": null, "trainer": null}')
        if number < runs - LIVE:
            attempt.exit.write_text(verdict_)


@contextmanager
def living(home: Home) -> Iterator[None]:
    """Hold the locks of the last runs, as their processes would."""
    folders = [RunFolder(path) for path in sorted(home.runs.iterdir())[-LIVE:]]
    locks = [lock for folder in folders if (lock := take_lock(folder.lock))]
    try:
        yield
    finally:
        for lock in locks:
            lock.release()


def median(work: Callable[[], object]) -> float:
    """Seconds, the median of several times; the first time warms up."""
    work()
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def plain_look(home: Home) -> list[os.stat_result | None]:
    """The peer: `scandir`, and the same `stat` calls."""
    states: list[os.stat_result | None] = []
    with os.scandir(home.runs) as entries:
        for entry in entries:
            for name in ("events.jsonl", "queue.json", "attempts"):
                try:
                    states.append(os.stat(f"{entry.path}/{name}"))  # noqa: PTH116
                except FileNotFoundError:
                    states.append(None)
    return states


def plain_rows(home: Home) -> list[tuple[object, ...]]:
    """The peer: the same rows, as SQLite gives them."""
    with closing(sqlite3.connect(home.database)) as connection:
        query = f"SELECT {', '.join(FIELDS)} FROM run ORDER BY created DESC, name"
        return connection.execute(query).fetchall()


async def opening(home: Home) -> float:
    """Seconds from the key that shows the list of runs to its rows, in an app that shows another screen."""
    app = PromptrecApp(home)
    app.DEFAULT_MODE = "models"  # type: ignore[misc]
    async with app.run_test(size=(80, 24)) as pilot:
        while not app.screen.has_class("-loaded"):
            await pilot.pause(0.05)
        await pilot.pause(0.5)
        start = time.perf_counter()
        await pilot.press("1")
        while not (isinstance(app.screen, RunsScreen) and app.screen.query_one(RunTable).row_count):
            await asyncio.sleep(0.002)
        await pilot.pause()
        return time.perf_counter() - start


def measure(home: Home, runs: int, points: int) -> str:
    """The section of the results."""
    with living(home), opened(home) as workspace:
        start = time.perf_counter()
        read = refresh(workspace)
        first = time.perf_counter() - start
        reconcile = median(lambda: refresh(workspace))
        listing = median(lambda: refreshed_runs(workspace))
        look, rows = median(lambda: plain_look(home)), median(lambda: plain_rows(home))
        with closing(sqlite3.connect(home.database)) as connection:
            (kept,) = connection.execute("SELECT count(*) FROM metric").fetchone()
    with living(home):
        screen = statistics.median([asyncio.run(opening(home)) for _ in range(3)])
    figures = [
        (
            "reconcile and ingest, nothing new",
            f"under {RECONCILE_GOAL:.0f} s",
            verdict(f"{reconcile:.3f} s", reconcile < RECONCILE_GOAL),
        ),
        ("peer: `scandir` and the same `stat` calls", "–", f"{look:.3f} s"),
        ("all that the list of runs asks, nothing new", "–", f"{listing:.3f} s"),
        ("peer: those calls, and the rows by plain `sqlite3`", "–", f"{look + rows:.3f} s"),
        (
            "the list of runs opens, from the key to its rows",
            f"under {OPEN_GOAL} s",
            verdict(f"{screen:.3f} s", screen < OPEN_GOAL),
        ),
    ]
    first_reading = (
        f"the first reading of {read:,} events took {first:.0f} s" if read else "it was read before"
    )
    lines = table(("figure", "goal", "measured"), figures)
    lines += [
        "",
        f"{runs:,} run folders, {kept:,} metric points, {LIVE} runs at work; {first_reading}. "
        f"Medians of {TIMES} times (3 for the screen, 80 by 24, in Textual's pilot).",
    ]
    return section("Catalogue", 1, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--dry", action="store_true", help="print the section, leave RESULTS.md alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Home((given.folder or Path(temporary)).absolute() / "home").create()
        if not any(home.runs.iterdir()):
            build(home, given.runs, given.points)
        text = measure(home, given.runs, given.points)
    print(text)
    if not given.dry:
        publish("Catalogue", text)


if __name__ == "__main__":
    main()
