"""What the Try tab asks of a run's model."""

from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.home import Home
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.tui.trying import Trier
from promptrec_tui.workspace import scoring
from promptrec_tui.workspace.opening import opened
from promptrec_tui.workspace.runs import find_run, refresh
from promptrec_tui.workspace.scoring import Ranking
from tests.tui.conftest import write_dataset
from tests.tui.test_compare import RANKS, write_compared


class Recorder:
    """Stands for the process that holds the model; keeps how many items it was asked for, and by what."""

    alive = True

    def __init__(self) -> None:
        self.asked: list[tuple[int, dict[str, bool]]] = []

    def top_k(self, history: list[str], k: int, **options: bool) -> Ranking:
        self.asked.append((k, options))
        return Ranking("", (), 0, ())

    def close(self) -> None:
        self.alive = False


def test_it_asks_for_as_many_items_as_the_metrics_count(
    empty_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_dataset(empty_home, tmp_path)
    changes: dict[str, Any] = {"evaluation__k": 3, "train__monitor": "ndcg@3"}
    write_compared(empty_home, dataset, "aaaa0001", "few", RANKS["aaaa0001"], **changes)
    RunFolder(empty_home.runs / "aaaa0001").blend.write_text("{}")
    recorder = Recorder()
    monkeypatch.setattr(scoring, "open_scorer", lambda workspace, run: recorder)
    trier = Trier()
    with opened(empty_home) as workspace:
        refresh(workspace)
        row = find_run(workspace, "few")
        trier.recommend(workspace, row, ["i1"])
        trier.blend(workspace, row, ["i1"])
    trier.close()
    assert recorder.asked == [(3, {"untuned": True}), (3, {"untuned": False}), (3, {"blend": True})]
