"""From an empty home to the first point of a curve, with the sample data and the real trainer."""

import pytest

from promptrec_tui.home import Home
from promptrec_tui.tui.app import PromptrecApp
from promptrec_tui.tui.screens.run import RunScreen
from promptrec_tui.tui.screens.runs import RunsScreen
from promptrec_tui.workspace import demo
from tests.journeys.driving import SIZE, do, opened, shown
from tests.waiting import until

TINY = {
    "run.threads": 1,
    "data.max_history": 4,
    "train.batch_size": 4,
    "train.max_steps": 1,
    "evaluation.users": 2,
    "evaluation.monitor_users": 2,
    "evaluation.baselines": [],
}
"""In the place of the sample run's own settings, which take minutes."""


async def test_the_sample_run_from_its_key_to_its_first_point(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "read_settings_toml", lambda _: TINY)
    app = PromptrecApp(home)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, RunsScreen, "No runs yet", "B start the sample run")
        await do(pilot, "runs.begin")
        await opened(pilot, RunsScreen, demo.RUN[:11])
        await do(pilot, "runs.open")
        await opened(pilot, RunScreen, "The curves begin here after the first step.", "load the model")
        # On a fast machine a step follows the other at once, and the result comes before the charts.
        ends = ("✓ start torch and transformers", "━ train", "over untuned")
        await until(pilot, lambda: any(words in shown(pilot) for words in ends))
        await until(pilot, lambda: any(words in shown(pilot) for words in ends[1:]))
        if "━ train" not in shown(pilot):
            await do(pilot, "curve.down")
        await opened(pilot, RunScreen, "━ train")
        assert "The curves begin here" not in shown(pilot)
