"""The sweep behind the default settings of recommenders: validation metrics after the same training targets.

    python benchmarks/default_settings.py [--movielens FOLDER] [--model small|FOLDER] [--titles N]
        [--targets N] [--users N] [--trial "KEY=VALUE ..."]... [--publish]

Every trial is a run of its own with one CPU thread; as many run side by side as there are cores. It trains
that many next-item targets of the 5-core of the folder (or of its most rated titles), validates once, and is
paused there: no test target is read. Trials are compared on the same validation users. The size of the model
("small" is the embedded one) says which trials there are; --trial gives others.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

from movielens import MOVIELENS
from real_sizes import most_rated
from results import publish, section, table

SMALL = (
    "train.learning_rate=0.003",
    "train.learning_rate=0.01",
    "train.learning_rate=0.003 tuning.rank=64 tuning.alpha=128",
    "train.learning_rate=0.003 train.loss=catalogue",
    "train.learning_rate=0.003 tuning.method=full",
    "train.learning_rate=0.001 tuning.method=full",
    "train.learning_rate=0.001 tuning.method=full train.loss=catalogue",
    "train.learning_rate=0.001 tuning.method=full train.batch_size=64",
)
LARGER = (
    "train.learning_rate=0.0002",
    "train.learning_rate=0.001",
    "train.learning_rate=0.003",
    "train.learning_rate=0.001 tuning.rank=64 tuning.alpha=128",
    "train.learning_rate=0.001 train.loss=catalogue",
    "train.learning_rate=0.0001 tuning.method=full",
)
"""Settings of the trials, by the size of the model."""


@dataclass(frozen=True)
class Outcome:
    """What a trial has shown: its validation metrics, and seconds of its training steps."""

    metrics: dict[str, float]
    seconds: float


def promptrec(home: Path, *arguments: str) -> str:
    """The output of a command; ends the sweep with its error."""
    command = [sys.executable, "-m", "promptrec_tui", *arguments]
    environment = {**os.environ, "PROMPTREC_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout


def prepare(home: Path, arguments: argparse.Namespace) -> str:
    """Import the films and add the model; its name."""
    source: Path = arguments.movielens
    with tempfile.TemporaryDirectory() as place:
        if arguments.titles:
            most_rated(source, Path(place), arguments.titles)
            source = Path(place)
        promptrec(home, "dataset", "import", str(source), "--name", "all-films")
        promptrec(home, "dataset", "clean", "all-films", "--step", "kcore=5", "--name", "films")
    if arguments.model == "small":
        return "tiny"
    promptrec(home, "model", "add", arguments.model, "--name", "model")
    return "model"


def attempt(home: Path, model: str, trial: str, targets: int, users: int) -> Outcome:
    """One trial in a home of its own, which has the data and the model."""
    given = dict(word.split("=", 1) for word in trial.split())
    batch = int(given.setdefault("train.batch_size", "128" if model == "tiny" else "32"))
    steps = targets // batch
    given |= {
        "train.max_steps": str(steps),
        "train.eval_every": str(steps),
        "evaluation.users": str(users),
        "evaluation.monitor_users": str(users),
        "evaluation.baselines": "popularity",
        "run.threads": "1",
    }
    options = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    data = ("--dataset", "films", "--template", "list", "--model", model)
    row = json.loads(promptrec(home, "run", "start", "--name", "trial", *data, *options, "--json"))
    log = home / "runs" / row["id"] / "events.jsonl"
    begun = 0.0
    while True:
        time.sleep(2)
        events = read_events(log)
        steps_done = [event for event in events if event["kind"] == "metric"]
        begun = next((event["time"] for event in steps_done), 0.0)
        for event in steps_done:
            if event["step"] == steps and "ndcg@10" in event["values"]:
                promptrec(home, "run", "pause", "trial", "--wait")
                last = max(each["time"] for each in steps_done if "train_loss" in each["values"])
                return Outcome(event["values"], (last - begun) * steps / max(1, steps - 1))
        if any(event["kind"] == "finished" for event in events):
            sys.exit(f"{trial}: ended without a validation; its log is in {log.parent}")


def read_events(log: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's events so far."""
    text = log.read_text("utf-8") if log.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def sweep(arguments: argparse.Namespace, place: Path) -> list[list[str]]:
    """A row for each trial, the best first."""
    model = prepare(place / "home", arguments)
    trials: Sequence[str] = arguments.trial or (SMALL if model == "tiny" else LARGER)
    homes = [copytree(place / "home", place / f"home{number}") for number in range(len(trials))]
    outcomes: dict[str, Outcome] = {}

    def one(home: Path, trial: str) -> None:
        outcome = attempt(home, model, trial, arguments.targets, arguments.users)
        outcomes[trial] = outcome
        print(trial, outcome, file=sys.stderr, flush=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, homes, trials))
    best_first = sorted(outcomes, key=lambda trial: -outcomes[trial].metrics["ndcg@10"])
    return [
        [
            trial,
            *(f"{outcomes[trial].metrics[name]:.4f}" for name in ("ndcg@10", "hr@10", "validation_loss")),
            f"{outcomes[trial].seconds:.0f}",
        ]
        for trial in best_first
    ]


def main() -> None:
    """Sweep, and print the section or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--model", default="small")
    parser.add_argument("--titles", type=int, default=0, help="only so many of the most rated; 0: all")
    parser.add_argument("--targets", type=int, default=25_600)
    parser.add_argument("--users", type=int, default=400)
    parser.add_argument("--trial", action="append")
    parser.add_argument("--publish", action="store_true", help="put the section into RESULTS.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        rows = sweep(arguments, Path(place))
    name, data = Path(arguments.model).name, f"{arguments.movielens.name}, 5-core"
    if arguments.titles:
        data += f" of the {arguments.titles:,} most rated titles"
    lines = [
        f"{data}, template list, score catalogue: validation of {arguments.users} users after "
        f"{arguments.targets:,} training targets, one thread a run, the best first. Validation losses "
        "compare only within a loss.",
        "",
        *table(["settings", "NDCG@10", "HR@10", "validation loss", "seconds of training"], rows),
    ]
    title = f"Default settings: {name}"
    text = section(title, 1, lines)
    if arguments.publish:
        publish(title, text)
    else:
        print(text)


if __name__ == "__main__":
    main()
