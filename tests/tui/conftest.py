"""A home with a dataset, a finished run and a run on its way, written as importer and trainer write them."""

import math
import time
from pathlib import Path
from typing import Any

import pytest

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.events import EventLog
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.workspace.datasets import DatasetRow, ImportOptions, import_source
from promptrec_tui.workspace.opening import opened

TITLES = [
    "The Matrix",
    "霸王别姬",
    "Alien [/INST]",
    "花样年华",
    "Heat",
    "Fargo",
    "卧虎藏龙",
    "Ran",
    "Big",
    "Up",
    "Babe",
    "Jaws",
]
PROTOCOL = {"split": "leave_one_out", "catalogue": len(TITLES), "k": 10}


def write_dataset(home: Home, folder: Path, name: str = "films") -> DatasetRow:
    """Import 20 users with 8 events each over a dozen titles, some Chinese, one that looks like markup."""
    items = folder / "items.csv"
    items.write_text("item_id,title\n" + "".join(f"i{n},{title}\n" for n, title in enumerate(TITLES)))
    events = folder / "events.csv"
    rows = [(user, (user + step * 5) % len(TITLES), step) for user in range(20) for step in range(8)]
    events.write_text("user_id,item_id,timestamp\n" + "".join(f"u{u},i{i},{t}\n" for u, i, t in rows))
    with opened(home) as workspace:
        return import_source(workspace, events, name, ImportOptions(format="csv", items=items))


def write_run(home: Home, dataset: DatasetRow, run_id: str, name: str, steps: int, done: bool) -> RunFolder:
    """A run with `steps` steps of 240 behind it; a finished one has its result."""
    spec = RunSpec(
        id=run_id,
        name=name,
        created="2026-01-02T03:04:05+00:00",
        task="next_item",
        dataset=DatasetRef(id=dataset.id, name=dataset.name, file=dataset.file, sha256=dataset.sha256),
        template=TemplateRef(
            id="t", name="list", version=1, task="next_item", language="en",
            prompt="{{ history }}", completion="{{ item.title }}", end_token="\n", sha256="0" * 64,
        ),
        model=ModelRef(id="m", name="tiny", folder="/models/tiny", sha256="0" * 64, family="qwen", model_type="qwen3"),
        settings=Settings(),
        versions={},
        machine={},
    )  # fmt: skip
    folder = create_run(home, spec)
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    attempt.log.write_text("loading weights\r50%\r100%\n\x1b[31mred\x1b[0m 正在训练\n")
    write_json(attempt.started, {"time": time.time(), "supervisor": None, "trainer": None})
    with EventLog(folder, 1) as log:
        log.write("phase", phase="training", done=0, total=240, message="")
        for name_, value in (("popularity", 0.05), ("markov", 0.07), ("item_knn", 0.08)):
            figures = {"ndcg@10": value, "hr@10": value * 2, "mrr@10": value / 2}
            log.write(
                "evaluation",
                stage="validation",
                name=name_,
                step=0,
                users=25,
                metrics=figures,
                protocol=PROTOCOL,
            )
        log.write("preview", step=0, stage="before", users=[shown(user, 9.0) for user in ("u1", "u2")])
        for step in range(5, steps + 1, 5):
            loss = math.nan if step == 60 else 3 * math.exp(-step / 80) + 1 + 0.1 * math.sin(step)
            values = {
                "train_loss": loss,
                "learning_rate": 1e-3 * (1 - step / 240),
                "targets_per_second": 90.0,
            }
            log.write("metric", step=step, total_steps=240, epoch=step / 80, values=values)
            if step % 30 == 0:
                ranking = {"ndcg@10": 0.02 + step / 2000, "hr@10": 0.05 + step / 1000}
                log.write(
                    "metric",
                    step=step,
                    total_steps=240,
                    epoch=1,
                    values={"validation_loss": loss + 0.2} | ranking,
                )
        if steps:
            log.write(
                "preview",
                step=steps,
                stage="after" if done else "now",
                users=[shown(user, 2.0) for user in ("u1", "u2")],
            )
            log.write("checkpoint", step=steps, folder=f"checkpoint-{steps}", best=True, value=0.1)
        log.write("finished", state="done" if done else "paused", reason="", step=steps)
    if done:
        folder.result.mkdir()
        figures = {"hr@10": 0.2, "ndcg@10": 0.12, "mrr@10": 0.1, "mrr": 0.11}
        gain = {"ndcg@10": {"value": 0.1, "low": 0.05, "high": 0.15}}
        write_json(folder.report, {
            "protocol": PROTOCOL, "preview_users": ["u1", "u2"], "users": 20, "ranks": {},
            "metrics": {
                "before": {name: value / 6 for name, value in figures.items()}, "after": figures,
                "baselines": {"popularity": {name: value / 2 for name, value in figures.items()}},
                "gain": {"before": gain, "best_baseline": {"name": "popularity", **gain}},
            },
        })  # fmt: skip
    verdict = {
        "code": 0,
        "signal": None,
        "time": time.time(),
        "state": "done" if done else "paused",
        "reason": "",
    }
    write_json(attempt.exit, verdict)
    return folder


def shown(user: str, rank: float) -> dict[str, Any]:
    """What a preview event says of a user."""
    top = [{"key": f"i{n}", "title": title, "logprob": -1.5 * n - 1} for n, title in enumerate(TITLES[:10])]
    return {"user": user, "history": TITLES[2:9], "target": TITLES[1], "rank": rank, "top": top}


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def full_home(empty_home: Home, tmp_path: Path) -> Home:
    """Runs `first` (done) and `第二次` (paused at step 120), over one dataset."""
    dataset = write_dataset(empty_home, tmp_path)
    write_run(empty_home, dataset, "aaaa0001", "first", 240, done=True)
    write_run(empty_home, dataset, "aaaa0002", "第二次 [/INST]", 120, done=False)
    return empty_home
