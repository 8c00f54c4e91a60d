"""A run of last week among some hundred: found, marked, read and exported by keyboard alone."""

import csv
import time
from pathlib import Path

from promptrec_tui.clock import time_text
from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import CheckpointEvent, FinishedEvent, MetricEvent
from promptrec_tui.runs.folder import create_run
from promptrec_tui.runs.states import State
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.export import ExportScreen
from promptrec_tui.tui.screens.line import LineScreen
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.workspace.datasets import DatasetRow
from tests.journeys.driving import SIZE, do, opened, pick, shown
from tests.tui.conftest import run_spec, write_dataset
from tests.waiting import until

RUNS = 240
"""Eight a day; the newest is of today."""

BEST = 61
"""The best one of last week, made seven and a half days ago; newer and older ones are better still."""

DAY = 86_400


def write_runs(home: Home, dataset: DatasetRow) -> None:
    """Runs that are done, every fifth one stopped, with a figure on validation and on test each."""
    for number in range(RUNS):
        made = time_text(time.time() - number * DAY / 8)
        spec = run_spec(dataset, f"{number:08}", f"try {number}").model_copy(update={"created": made})
        folder = create_run(home, spec)
        attempt = folder.attempt(1)
        attempt.path.mkdir(parents=True)
        value = 0.5 if number == BEST else 0.9 if number in (3, 200) else 0.1 + number % 10 / 100
        state = State.DONE if number % 5 or number == BEST else State.STOPPED
        with EventLog(folder, 1) as log:
            log.write(MetricEvent(10, {"train_loss": 2.0}, total_steps=10, epoch=1.0))
            log.write(MetricEvent(10, {"ndcg@10": value, "hr@10": value}))
            log.write(CheckpointEvent(10, best=True, folder="checkpoint-10", value=value))
            log.write(FinishedEvent(state, "", 10))
        folder.result.mkdir()
        figures = {"ndcg@10": value / 2, "hr@10": value}
        metrics = {"before": dict.fromkeys(figures, 0.01), "after": figures, "baselines": {}}
        write_json(folder.report, {"protocol": {}, "users": 20, "metrics": metrics, "ranks": {}})
        write_json(
            attempt.exit, {"code": 0, "signal": None, "time": time.time(), "state": state, "reason": ""}
        )


async def test_found_by_filter_and_order_tagged_read_and_exported(home: Home, tmp_path: Path) -> None:
    write_runs(home, write_dataset(home, tmp_path))
    app = PromptrecApp(home)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, RunsScreen, "try 0")
        await do(pilot, "runs.filter")
        await pilot.press(*"state:done age>6d age<9d", "enter")
        await opened(pilot, RunsScreen, f"of {RUNS} runs", "try 53")
        assert "try 3 " not in shown(pilot)
        while app.screen.sort.field != "best":
            await do(pilot, "runs.sort")
        await opened(pilot, RunsScreen, "best▼", "0.5000")
        await pilot.press("g")
        await do(pilot, "label.tag")
        await opened(pilot, LineScreen, f"Tags of run try {BEST}")
        await pilot.press(*"keep", "enter")

        # The order stays; the tag leads to the run from the whole list.
        await do(pilot, "app.back")
        await opened(pilot, RunsScreen, "try 3 ", "try 200")
        await do(pilot, "runs.filter")
        await pilot.press(*"tag:keep", "enter")
        await opened(pilot, RunsScreen, f"1 of {RUNS} runs", f"try {BEST}")
        await do(pilot, "runs.open")
        await opened(pilot, RunScreen, f"try {BEST}", "#keep", "done", "best validation NDCG@10 0.5")
        await opened(pilot, RunScreen, "tuned 0.25 0.50")

        await do(pilot, "runs.export")
        await opened(pilot, ExportScreen, "test figures")
        await pick(pilot, "test figures", "CSV")
        await do(pilot, "export.write")
        await until(pilot, lambda: home.exports.exists() and any(home.exports.iterdir()))
        (file,) = home.exports.iterdir()
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert [row for row in rows if "0.25" in row.values()], rows
