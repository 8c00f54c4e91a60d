"""Runs of unlike settings on all users of MovieLens, compared with each other and with every baseline.

    python benchmarks/film_runs.py [--movielens FOLDER] --run NAME "KEY=VALUE ..." [--run ...] [--publish]

The data are the 5-core of the folder: every user's last event is ranked among all films. The runs go side by
side, each with one CPU thread, and differ in the settings given for them alone. The table of all scorers is
of the run with the best validation metric. Strata of users: by the events before the target, and by the
events that the target's film has before anybody's target.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any, get_args

from default_settings import promptrec, read_events
from movielens import MOVIELENS
from results import publish, section, table
from watching import watched

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.evaluation.intervals import paired_bootstrap
from promptrec_tui.evaluation.metrics import measured, ranking_metrics
from promptrec_tui.evaluation.predictions import Predictions, ranked
from promptrec_tui.runs.spec import BaselineName, DataSettings
from promptrec_tui.tuning.data import read_users

METRICS = ranking_metrics(10)
SHOWN = ("hr@10", "ndcg@10", "mrr")
SHORT = 40
"""Events of a short history."""
COLD = 10
"""Events of a cold film, at most."""


@dataclass(frozen=True)
class Finished:
    """A run at its end: its name and settings, its report, and CPU seconds by phase."""

    name: str
    settings: str
    report: Mapping[str, Any]
    best: float
    phases: Mapping[str, float]

    def predictions(self, side: str, users: Sequence[str]) -> Predictions:
        """The test ranks by one side of the report, of these users."""
        cases = self.report["cases"]
        return ranked(tuple(users), [float(cases[user][side]["rank"]) for user in users])

    @property
    def users(self) -> list[str]:
        return sorted(self.report["cases"])

    @property
    def scorers(self) -> list[str]:
        """All sides that rank to the end, the untuned model first."""
        references = self.report["metrics"]["references"]
        sides = next(iter(self.report["cases"].values()))
        return [side for side in sides if side not in references]


def train(home: Path, name: str, settings: str) -> Finished:
    """One run in a home of its own, which has the data."""
    options = [word for setting in settings.split() for word in ("--set", setting)]
    data = ("--dataset", "films", "--template", "list", "--model", "tiny")
    phases, document = watched(home, "run", "start", "--name", name, *data, *options)
    if document["state"] != "done":
        sys.exit(f"{name}: {document['state']}: {document['reason']}")
    folder = home / "runs" / document["id"]
    report = json.loads((folder / "result" / "report.json").read_text("utf-8"))
    events = read_events(folder / "events.jsonl")
    validations = [event["values"] for event in events if event["kind"] == "metric" and event["step"]]
    best = max(values.get("ndcg@10", 0.0) for values in validations)
    done = Finished(name, settings, report, best, {phase.name: phase.cpu for phase in phases})
    print(name, done.best, done.phases, file=sys.stderr, flush=True)
    return done


def strata(database: Path) -> dict[str, Callable[[str], bool]]:
    """By name, which users are in it."""
    with open_dataset(database) as dataset:
        users = [user for user in read_users(dataset, DataSettings()) if user.split]
    before = Counter(item for user in users if user.split for item in user.sequence[: user.split.validation])
    lengths = {user.key: user.split.test for user in users if user.split}
    events = {user.key: before[user.sequence[user.split.test]] for user in users if user.split}
    return {
        "all users": lambda user: True,
        f"fewer than {SHORT} events before": lambda user: lengths[user] < SHORT,
        f"{SHORT} events before or more": lambda user: lengths[user] >= SHORT,
        f"target with at most {COLD} events": lambda user: events[user] <= COLD,
        f"target with more than {COLD} events": lambda user: events[user] > COLD,
    }


def scorer_rows(run: Finished) -> list[list[str]]:
    """Each scorer on all users: metrics, and the blend minus it with its interval."""
    rows, users = [], run.users
    blend = run.predictions("blend", users)
    for side in run.scorers:
        predictions = run.predictions(side, users)
        values = measured(METRICS, predictions.rows)
        rows.append([side, *(f"{values[name]:.4f}" for name in SHOWN), difference(blend, predictions)])
    return sorted(rows, key=lambda row: row[2], reverse=True)


def difference(ours: Predictions, theirs: Predictions) -> str:
    """NDCG@10 of ours minus theirs, with its 95 % interval."""
    metric = next(metric for metric in METRICS if metric.name == "ndcg@10")
    gap = paired_bootstrap(metric, ours, theirs, seed=1)
    return f"{gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"


def strata_rows(run: Finished, parts: Mapping[str, Callable[[str], bool]]) -> list[list[str]]:
    """HR@10 / NDCG@10 of each scorer in each stratum."""
    rows = []
    for name, has in parts.items():
        users = [user for user in run.users if has(user)]
        cells = []
        for side in run.scorers:
            values = measured(METRICS, run.predictions(side, users).rows)
            cells.append(f"{values['hr@10']:.3f}/{values['ndcg@10']:.3f}")
        rows.append([name, f"{len(users)}", *cells])
    return rows


def prepare(home: Path, source: Path) -> Path:
    """Import the films; the path of their 5-core's dataset file."""
    promptrec(home, "dataset", "import", str(source), "--name", "all-films")
    steps = ("--step", "titles=articles", "--step", "kcore=5")
    promptrec(home, "dataset", "clean", "all-films", *steps, "--name", "films")
    return home / json.loads(promptrec(home, "dataset", "show", "films", "--json"))["file"]


def lines_of(runs: Sequence[Finished], parts: Mapping[str, Callable[[str], bool]]) -> list[str]:
    """The tables."""
    first = max(runs, key=lambda run: run.best)
    compared = [
        [
            run.name,
            f"`{run.settings}`",
            f"{run.best:.4f}",
            *(f"{run.report['metrics']['after'][name]:.4f}" for name in SHOWN),
            difference(run.predictions("after", run.users), first.predictions("after", run.users)),
            f"{run.phases.get('training', 0):.0f}",
        ]
        for run in runs
    ]
    header = ["run", "settings", "validation", *SHOWN, f"NDCG@10 minus {first.name}", "CPU s of training"]
    return [
        *table(header, compared),
        "",
        f"Every scorer on the test, of the run {first.name}, the best on validation; CPU seconds by phase: "
        f"{', '.join(f'{name} {seconds:.0f}' for name, seconds in first.phases.items())}.",
        "",
        *table(["scorer", *SHOWN, "NDCG@10 of the blend minus it"], scorer_rows(first)),
        "",
        *table(["HR@10/NDCG@10", "users", *first.scorers], strata_rows(first, parts)),
    ]


def main() -> None:
    """Train side by side, and print the section or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--run", nargs=2, action="append", required=True, metavar=("NAME", "SETTINGS"))
    parser.add_argument("--baselines", nargs="+", default=get_args(BaselineName))
    parser.add_argument("--users", type=int, default=671)
    parser.add_argument("--publish", action="store_true", help="put the section into RESULTS.md")
    arguments = parser.parse_args()
    common = (
        f"evaluation.users={arguments.users} evaluation.baselines={','.join(arguments.baselines)} "
        "evaluation.blend=true run.threads=1"
    )
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        first = Path(place) / "home"
        parts = strata(prepare(first, arguments.movielens))
        homes = [copytree(first, Path(place) / f"home{number}") for number in range(len(arguments.run))]
        with ThreadPoolExecutor(len(homes)) as pool:
            jobs = [
                pool.submit(train, home, name, f"{settings} {common}")
                for home, (name, settings) in zip(homes, arguments.run, strict=True)
            ]
            runs = [job.result() for job in jobs]
    lines = [
        f"{arguments.movielens.name}, 5-core, template list, the embedded model. The runs went side by side, "
        f"one thread each; a load of {load:.1f} on {os.cpu_count()} cores at the start. All of them have "
        f"`{common}`.",
        "",
        *lines_of([*runs], parts),
    ]
    text = section("Runs on films", 1, [line.replace(f" {common}", "") for line in lines])
    if arguments.publish:
        publish("Runs on films", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
