"""The start of every case: a home with a small dataset, and the undisturbed twin of the run."""

import csv
import json
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.places import Place
from promptrec_tui.files import read_json, sha256_file
from promptrec_tui.runs.base_models import EMBEDDED_ID
from promptrec_tui.runs.event_log import read_events
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.workspace.datasets import ImportOptions, import_source
from promptrec_tui.workspace.new_runs import NewRun
from promptrec_tui.workspace.opening import opened

SETTINGS: dict[str, Any] = {
    "run.device": "cpu",
    "run.threads": 1,
    "data.max_history": 8,
    "tuning.rank": 4,
    "train.batch_size": 8,
    "train.max_steps": 60,
    "train.eval_every": 12,
    "train.save_every": 3,
    "train.patience": 0,
    "evaluation.users": 8,
    "evaluation.monitor_users": 4,
}
"""Many saves and some validations in a few seconds, so that a fault can occur in each of them."""

WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True)
class Twin:
    """The end of the undisturbed run; `loading` and `seconds` are its times on this machine."""

    sha256: str
    reason: str
    metrics: dict[str, Any]
    loading: float
    seconds: float


def new_run(name: str, **changes: Any) -> NewRun:
    """The run of every case; keyword arguments are settings, with `__` for the dot."""
    given = {**SETTINGS, **{key.replace("__", "."): value for key, value in changes.items()}}
    return NewRun(name, "shop", "next_item", "list", EMBEDDED_ID, given)


def make_home(place: Place) -> None:
    """Import the dataset into a new home at `place`."""
    shutil.rmtree(place.folder, ignore_errors=True)
    source = place.folder / "source"
    source.mkdir(parents=True)
    _write_shop(source)
    with opened(place.home) as workspace:
        import_source(
            workspace,
            source / "events.csv",
            "shop",
            ImportOptions(format="csv", items=source / "items.csv"),
        )


def describe_twin(folder: RunFolder) -> Twin:
    """The outcome of an undisturbed run."""
    events, _ = read_events(folder.events)
    training = next(event for event in events if event.get("phase") == "training")
    return Twin(
        sha256=sha256_file(folder.adapter / WEIGHTS),
        reason=str(events[-1]["reason"]),
        metrics=read_json(folder.report)["metrics"],
        loading=training["time"] - events[0]["time"],
        seconds=events[-1]["time"] - events[0]["time"],
    )


def write_twin(stage: Path, twin: Twin) -> None:
    """Save the twin beside the home."""
    (stage / "twin.json").write_text(json.dumps(asdict(twin), indent=1))


def read_twin(stage: Path) -> Twin:
    """The twin of a stage."""
    return Twin(**read_json(stage / "twin.json"))


def _write_shop(folder: Path) -> None:
    """30 users with 6 to 12 consecutive items each, out of 24."""
    chance = random.Random(7)
    with open(folder / "items.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [("item_id", "title"), *((f"{item:03d}", f"Thing {item}") for item in range(24))]
        )
    with open(folder / "events.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("user_id", "item_id", "timestamp"))
        for user in range(30):
            start = chance.randrange(24)
            for step in range(chance.randrange(6, 13)):
                out.writerow((f"u{user:02d}", f"{(start + step) % 24:03d}", 1000 * user + step))
