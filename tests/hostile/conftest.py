"""Text that wants to do something to a terminal, and a home that is full of it."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptrec_tui.files import write_json
from promptrec_tui.home import Home
from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import (
    EvaluationEvent,
    MetricEvent,
    PhaseEvent,
    PreviewEvent,
    PreviewUser,
    Shown,
    WarningEvent,
)
from promptrec_tui.runs.folder import create_run
from promptrec_tui.runs.label import change_label
from promptrec_tui.runs.spec import DatasetRef, ModelRef, RunSpec, Settings, TemplateRef
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.models import check_folder
from promptrec_tui.workspace.opening import opened

MARK = 73_001
"""From here on each hostile text has a number of its own: no control sequence may carry one."""

TEXTS = (
    "\x1b]52;c;{n}\x07 writes the clipboard",
    "\x1b]8;;http://{n}.example/\x1b\\a link\x1b]8;;\x1b\\",
    "\x1b]0;{n} title\x07\x1b]1337;File={n}\x07",
    "\x1b[{n}m\x1b[2J\x1b[{n};1H clears\x1bc",
    "\x1bP{n};q\x1b\\ \x1b_{n}\x1b\\ \x1b^{n}\x1b\\ \x1bX{n}\x1b\\",
    "\x9b{n}m \x9d52;c;{n}\x9c \x90{n}\x9c \x85{n}",
    "a\x7fb\x07c\x08\x08\x08d\x0b\x0c\x0e\x0f{n}",
    "over\u202e{n}\u202c \u2066iso\u2069 \u200f\u061cmarks",
    "zero\u200bwidth\u200d\ufeff{n}\u00ad",
    "broken [/] {n} [/b] [[]",
    "[@click=app.quit]{n}[/] [@click='app.bell']x[/]",
    "[link=http://{n}.example]x[/link] [bold red on blue]{n}[/]",
    "{{ {n} }} {% for %} {# {n} #}",
    "</s> <|im_start|>{n} <end>",
    "long {n} " + "x" * 10_000,
    "tower {n} " + "a" + "\u0301\u0489" * 200,
    "two {n}\nlines\r\nand\ta\u2028tab\u2029end",
    "$accent {n} $text %s %(x)s",
    "宽{n}\u3000字\x1b[{n}C\u0000",
)
"""`{n}` stands for the number."""

PLAIN = "plain text {n}"


def hostile_texts() -> list[str]:
    """The corpus, each with its number."""
    return [text.replace("{n}", str(MARK + number)) for number, text in enumerate(TEXTS)]


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    return hostile_texts()


@pytest.fixture(scope="session")
def plain() -> list[str]:
    """As many texts that want nothing."""
    return [PLAIN.replace("{n}", str(number)) for number in range(len(TEXTS))]


@dataclass(frozen=True)
class Place:
    """A home, a source that no import takes, and a model folder that cannot be used."""

    home: Home
    source: Path
    model: Path


@pytest.fixture
def fill(tmp_path: Path) -> Callable[[list[str]], Place]:
    """A home that has these texts wherever data can stand."""
    return lambda texts: fill_home(tmp_path, texts)


def fill_home(place: Path, texts: list[str]) -> Place:
    folder = place / _file_name(texts[0])
    folder.mkdir()
    home = Home(folder / "home")
    source = folder / f"{_file_name(texts[1])}.csv"
    with opened(home) as workspace:
        items, events = place / "items.csv", place / "events.csv"
        items.write_text("item_id,title\n" + "".join(f"i{n},Title {n}\n" for n in range(len(texts))))
        rows = [(user, (user + step) % len(texts), step) for user in range(len(texts)) for step in range(8)]
        events.write_text("user_id,item_id,timestamp\n" + "".join(f"u{u},i{i},{t}\n" for u, i, t in rows))
        dataset = import_source(workspace, events, "films", ImportOptions(format="csv", items=items))
    _spoil_dataset(home.root / dataset.file, texts)
    for number, text in enumerate(texts):
        _write_run(home, dataset.id, dataset.file, number, text, texts)
    _spoil_catalogue(home, texts)
    source.write_text("user_id,title\n1,2\n")
    model = folder / _file_name(texts[3])
    model.mkdir()
    write_json(model / "config.json", {"model_type": texts[2], "auto_map": {texts[3]: texts[4]}})
    check_folder(model)
    return Place(home, source, model)


def _file_name(text: str) -> str:
    return text.replace("/", "-").replace("\x00", "")[:60]


def _spoil_dataset(file: Path, texts: list[str]) -> None:
    """Titles and user keys, under the feet of the dataset: sources may hold anything."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for number, text in enumerate(texts):
            connection.execute("UPDATE item SET title = ?, key = ? WHERE item_id = ?", (text, text, number))
            known = json.dumps({text: text})
            change = "UPDATE user SET key = ?, attributes = ? WHERE user_id = ?"
            connection.execute(change, (text, known, number))


def _spoil_catalogue(home: Home, texts: list[str]) -> None:
    """Names, sources and texts that no verb of this version would take."""
    with closing(sqlite3.connect(home.database)) as connection, connection:
        (dataset,) = connection.execute("SELECT * FROM dataset").fetchall()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(dataset)")]
        for number, text in enumerate(texts):
            values = dict(zip(columns, dataset, strict=True))
            values |= {"id": f"d{number}", "name": text, "source": text, "format": text}
            values |= {"warnings": json.dumps(texts)}
            marks = ", ".join("?" * len(columns))
            connection.execute(f"INSERT INTO dataset VALUES ({marks})", list(values.values()))
        for table, keys in (("template", ("id", "name")), ("model", ("id", "name"))):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            row = dict(zip(columns, connection.execute(f"SELECT * FROM {table}").fetchone(), strict=True))
            for number, text in enumerate(texts):
                changed = dict.fromkeys(keys, text)
                for column in ("language", "prompt", "completion", "end_token", "folder", "source"):
                    changed |= {column: text} if column in row else {}
                changed |= {"number": 1000 + number} if "number" in row else {"embedded": 0}
                changed |= {"id": f"{table[0]}{number}", "sha256": str(number)}
                marks = ", ".join("?" * len(columns))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", list({**row, **changed}.values()))


def _write_run(home: Home, dataset: str, file: str, number: int, text: str, texts: list[str]) -> None:
    sha = "0" * 64
    template = TemplateRef(
        id="t",
        name=text,
        version=1,
        task="next_item",
        language=text,
        prompt=text,
        completion="{{ item.title }}",
        end_token=text,
        sha256=sha,
    )
    spec = RunSpec(
        id=f"aaaa{number:04d}",
        name=text,
        created=f"2026-01-02T03:04:{number:02d}+00:00",
        task="next_item",
        dataset=DatasetRef(id=dataset, name="films", file=file, sha256=sha),
        template=template,
        model=ModelRef(id="m", name=text, folder=text, sha256=sha, family=text, model_type=text),
        settings=Settings(),
        versions={text: text},
        machine={text: text},
    )
    folder = create_run(home, spec)
    change_label(folder, tags=(text,), note=text)
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    attempt.log.write_text("\n".join(texts), errors="replace")
    write_json(attempt.started, {"time": time.time(), "supervisor": None, "trainer": None})
    top = tuple(Shown(other, other, -1.0) for other in texts)
    shown = PreviewUser(user=text, history=tuple(texts), target=text, rank=1.0, top=top)
    with EventLog(folder, 1) as log:
        log.write(PhaseEvent(phase=text, done=1, total=9, message=text))
        log.write(MetricEvent(step=5, total_steps=9, epoch=0.5, values={"train_loss": 1.0, text: 2.0}))
        fields = {"name": text, "step": 0, "users": 5, "metrics": {"ndcg@10": 0.1}, "protocol": {text: text}}
        log.write(EvaluationEvent(stage="validation", **fields))
        log.write(PreviewEvent(step=0, stage="before", users=(shown,)))
        log.write(PreviewEvent(step=5, stage="now", users=(shown,)))
        for message in texts:
            log.write(WarningEvent(message=message))
    # As JSON may say it: half of a pair, which is no text.
    half = {"seq": 9999, "attempt": 1, "kind": "warning", "message": "half \ud83c pair \udcff"}
    with open(folder.events, "a") as file:
        file.write(json.dumps(half) + "\n")
    state = ("failed", "done", "stopped")[number % 3]
    write_json(attempt.exit, {"code": 1, "signal": text, "time": time.time(), "state": state, "reason": text})
    if state == "done":
        folder.result.mkdir()
        measured = {"hr@10": 0.2, "ndcg@10": 0.12, text: 0.1}
        metrics = {"before": measured, "after": measured, "baselines": {text: measured}, "gain": None}
        write_json(folder.report, {"protocol": {"split": text}, "preview_users": texts, "metrics": metrics})
