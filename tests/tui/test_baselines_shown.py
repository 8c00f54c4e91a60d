"""All baselines that a run may have, in the chart and in the result of a terminal of usual size."""

import json
from typing import get_args

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import EvaluationEvent
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.runs.spec import BaselineName
from tests.tui.conftest import PROTOCOL
from tests.tui.test_app import opened_app, screen_text, settle, table

NAMES = ("recent_popularity", "popularity", "markov", "item_knn", "ease", "knn_markov", "sasrec")
NDCG = {name: round(0.0377 + 0.0123 * place, 4) for place, name in enumerate(NAMES)}


async def test_every_baseline_is_named_in_the_chart_and_the_best_have_their_figures(full_home: Home):
    assert NDCG.keys() == set(get_args(BaselineName))
    folder = RunFolder(full_home.runs / "aaaa0001")
    with EventLog(folder, 1) as log:
        for name, value in NDCG.items():
            fields = {"name": name, "step": 0, "users": 25, "protocol": PROTOCOL}
            log.write(EvaluationEvent(stage="validation", metrics={"ndcg@10": value}, **fields))
    report = json.loads(folder.report.read_text())
    report["metrics"]["baselines"] = {
        name: {"hr@10": 2 * value, "ndcg@10": value, "mrr@10": value / 2} for name, value in NDCG.items()
    }
    report["metrics"]["gain"]["best_baseline"]["name"] = "knn_markov"
    write_json(folder.report, report)
    async with opened_app(full_home) as pilot:
        table(pilot).choose("aaaa0001")
        await settle(pilot, "enter", "j")
        shown = screen_text(pilot)
        for name, value in NDCG.items():
            assert f" {name} {value:.4g} " in shown, "the chart names its line"
            figures = f" {name:<18}{2 * value:>9.2f}{value:>9.2f}{value / 2:>9.2f}"
            assert (figures in shown) == (name in ("ease", "knn_markov", "sasrec"))
        assert "4 lower baselines: promptrec run show" in shown
        assert "NDCG@10 over knn_markov: +0.10 (95% +0.05 to +0.15)" in shown
        assert "Only 20 test users: another sample may give other figures." in shown
