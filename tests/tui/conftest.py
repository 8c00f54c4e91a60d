"""A home with a dataset, a finished run and a paused one, written as importer and trainer write them."""

import json
import math
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import (
    CheckpointEvent,
    EvaluationEvent,
    FinishedEvent,
    MetricEvent,
    PhaseEvent,
    PreviewEvent,
    PreviewUser,
    Shown,
)
from promptrec_tui.runs.folder import RunFolder, create_run
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.runs.states import State
from promptrec_tui.workspace.datasets import DatasetRow, ImportOptions, import_source
from promptrec_tui.workspace.models import add_model
from promptrec_tui.workspace.opening import opened
from tests import waiting

TITLES = ["The Matrix", "霸王别姬", "Alien [/INST]", "花样年华", "Heat", "Fargo"]
TITLES += ["卧虎藏龙", "Ran", "Big", "Up", "Babe", "Jaws"]
PROTOCOL = {"split": "leave_one_out", "catalogue": len(TITLES), "k": 10}
STEPS = 240
NAN_STEP = 60
BASELINES = {"popularity": 0.05, "markov": 0.07, "item_knn": 0.08}


def write_dataset(home: Home, folder: Path, name: str = "films") -> DatasetRow:
    """Import 20 users with 8 events each over a dozen titles, some Chinese, one that looks like markup."""
    items = folder / "items.csv"
    items.write_text("item_id,title\n" + "".join(f"i{n},{title}\n" for n, title in enumerate(TITLES)))
    events = folder / "events.csv"
    rows = [(user, (user + step * 5) % len(TITLES), step) for user in range(20) for step in range(8)]
    events.write_text("user_id,item_id,timestamp\n" + "".join(f"u{u},i{i},{t}\n" for u, i, t in rows))
    with opened(home) as workspace:
        return import_source(workspace, events, name, ImportOptions(format="csv", items=items))


def write_run(home: Home, dataset: DatasetRow, run_id: str, name: str, steps: int) -> RunFolder:
    """A run with so many steps of `STEPS` behind it: all make it done, fewer paused."""
    folder = create_run(home, run_spec(dataset, run_id, name))
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    attempt.log.write_text("loading weights\r50%\r100%\n\x1b[31mred\x1b[0m 正在训练\n")
    write_json(attempt.started, {"time": time.time(), "supervisor": None, "trainer": None})
    state = "done" if steps == STEPS else "paused"
    with EventLog(folder, 1) as log:
        write_beginning(log)
        write_steps(log, 5, steps)
        stage = "after" if steps == STEPS else "now"
        log.write(PreviewEvent(step=steps, stage=stage, users=(shown("u1", 2.0), shown("u2", 2.0))))
        log.write(CheckpointEvent(step=steps, folder=f"checkpoint-{steps}", best=True, value=0.1))
        log.write(FinishedEvent(state=State(state), reason="", step=steps))
    if state == "done":
        write_report(folder)
    verdict = {"code": 0, "signal": None, "time": time.time(), "state": state, "reason": ""}
    write_json(attempt.exit, verdict)
    return folder


def run_spec(dataset: DatasetRow, run_id: str, name: str) -> RunSpec:
    sha = "0" * 64
    return RunSpec(
        id=run_id,
        name=name,
        created="2026-01-02T03:04:05+00:00",
        task="next_item",
        dataset=DatasetRef(id=dataset.id, name=dataset.name, file=dataset.file, sha256=dataset.sha256),
        template=TemplateRef(
            id="t",
            name="list",
            version=1,
            task="next_item",
            language="en",
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


def write_beginning(log: EventLog) -> None:
    """The phases, baselines and previews before the first step."""
    log.write(PhaseEvent(phase="training", done=0, total=STEPS, message=""))
    for name, value in BASELINES.items():
        figures = {"ndcg@10": value, "hr@10": value * 2, "mrr@10": value / 2}
        fields = {"name": name, "step": 0, "users": 25, "metrics": figures, "protocol": PROTOCOL}
        log.write(EvaluationEvent(stage="validation", **fields))
    log.write(PreviewEvent(step=0, stage="before", users=(shown("u1", 9.0), shown("u2", 9.0))))


def write_steps(log: EventLog, first: int, last: int) -> None:
    """A metric every 5 steps, one of them no number, and a validation every 30."""
    for step in range(first, last + 1, 5):
        loss = math.nan if step == NAN_STEP else 3 * math.exp(-step / 80) + 1 + 0.1 * math.sin(step)
        rate = 1e-3 * (1 - step / STEPS)
        values = {"train_loss": loss, "learning_rate": rate, "targets_per_second": 90.0}
        log.write(MetricEvent(step=step, total_steps=STEPS, epoch=step / 80, values=values))
        if step % 30 == 0:
            values = {
                "validation_loss": loss + 0.2,
                "ndcg@10": 0.02 + step / 2000,
                "hr@10": 0.05 + step / 1000,
            }
            log.write(MetricEvent(step=step, total_steps=STEPS, epoch=step / 80, values=values))


def write_report(folder: RunFolder) -> None:
    """`result/report.json` of a run that gained."""
    after = {"hr@10": 0.2, "ndcg@10": 0.12, "mrr@10": 0.1, "mrr": 0.11}
    gain = {"ndcg@10": {"value": 0.1, "low": 0.05, "high": 0.15}}
    metrics = {
        "before": {name: value / 6 for name, value in after.items()},
        "after": after,
        "baselines": {"popularity": {name: value / 2 for name, value in after.items()}},
        "gain": {"before": gain, "best_baseline": {"name": "popularity", **gain}},
    }
    folder.result.mkdir()
    report = {
        "protocol": PROTOCOL,
        "preview_users": ["u1", "u2"],
        "users": 20,
        "metrics": metrics,
        "ranks": {},
    }
    write_json(folder.report, report)


def shown(user: str, rank: float) -> PreviewUser:
    """What a preview event says of a user."""
    top = tuple(Shown(f"i{n}", title, -1.5 * n - 1) for n, title in enumerate(TITLES[:10]))
    return PreviewUser(user, tuple(TITLES[2:9]), TITLES[1], rank, top)


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def full_home(empty_home: Home, tmp_path: Path) -> Home:
    """Runs `first` (done) and `第二次 [/INST]` (paused at step 110), over one dataset."""
    dataset = write_dataset(empty_home, tmp_path)
    write_run(empty_home, dataset, "aaaa0001", "first", STEPS)
    write_run(empty_home, dataset, "aaaa0002", "第二次 [/INST]", 110)
    return empty_home


def write_model(folder: Path, context: int = 120) -> Path:
    """A model folder that passes the check: a byte-level tokenizer, a config, weights of zeros."""
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split("\n", "isolated"), level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["Thing A 0\n"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    words = tokenizer.get_vocab_size()
    config = {"model_type": "qwen3", "vocab_size": words, "max_position_embeddings": context}
    write_json(folder / "config.json", config | {"architectures": ["Qwen3ForCausalLM"], "eos_token_id": 0})
    write_json(folder / "tokenizer_config.json", {"eos_token": "<end>"})
    shape = {"dtype": "F32", "shape": [words, 2], "data_offsets": [0, words * 8]}
    header = json.dumps({"model.embed_tokens.weight": shape}).encode()
    weights = struct.pack("<Q", len(header)) + header + bytes(words * 8)
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """The folder of a model with 120 tokens of context; not listed."""
    return write_model(tmp_path / "small")


@pytest.fixture
def shop_home(home: Home, shop: Path, small_model: Path) -> Home:
    """A home with the dataset `shop` and the model `small`."""
    with opened(home) as workspace:
        options = ImportOptions(format="csv", items=shop / "items.csv")
        import_source(workspace, shop / "events.csv", "shop", options)
        add_model(workspace, str(small_model), "small")
    return home


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    return waiting.until


async def show_model(pilot: Pilot[Any], name: str) -> None:
    """Have the templates rendered for a model: `m` again and again, each time that a rendering has come."""

    def facts() -> str:
        return pilot.app.screen.query_one("#facts", Static).visual.plain

    while f"({name})" not in (before := facts()):
        await pilot.press("m")
        await waiting.until(pilot, lambda before=before: facts() != before)


@pytest.fixture
def screen_text() -> Callable[[App[Any]], str]:
    """What the terminal shows, line by line."""
    return lambda app: "\n".join(strip.text for strip in app.screen._compositor.render_strips())
