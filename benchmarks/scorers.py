"""The baselines on MovieLens: hit rate, NDCG and MRR of full rankings, beside known values, and their time.

    python benchmarks/scorers.py [--movielens FOLDER] [--core 5] [--baselines NAME...] [--publish]

The folder has ratings.csv and movies.csv. Users and films with fewer than 5 ratings are left out until none
is left. Each user's last event is the target, events of one second are in the order of the file, and items
that the user had are not ranked. Each baseline is fitted twice: without the event before the target (the
validation event), as the known values were, and on everything before the target, as a run does it.
"""

import argparse
import csv
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from movielens import MOVIELENS, Films, read_films
from results import publish, section, table

from promptrec_tui.evaluation.baselines import Baseline, fit_baseline
from promptrec_tui.evaluation.metrics import measured, ranking_metrics
from promptrec_tui.runs.spec import BaselineName, DataSettings
from promptrec_tui.tuning.data import UserEvents, case_at
from promptrec_tui.tuning.ranking import rank_baseline
from promptrec_tui.tuning.sasrec import fit_sasrec

KNOWN = {"popularity": ".0432/.0199", "markov": ".1013/.0598", "knn_markov": ".1177/.0724"}
"""HR@10/NDCG@10 of ml-latest-small by another program, whose weights for knn_markov are not recorded."""


def write_core(source: Path, target: Path, core: int) -> None:
    """The folder without users and films of fewer than `core` ratings, as a folder of the same form."""
    with open(source / "ratings.csv", newline="", encoding="utf-8") as file:
        ratings = list(csv.DictReader(file))
    before = 0
    while len(ratings) != before:
        before = len(ratings)
        users, films = (Counter(row[key] for row in ratings) for key in ("userId", "movieId"))
        ratings = [row for row in ratings if min(users[row["userId"]], films[row["movieId"]]) >= core]
    with open(source / "movies.csv", newline="", encoding="utf-8") as file:
        movies = [row for row in csv.DictReader(file) if films[row["movieId"]]]
    for name, rows in (("ratings", ratings), ("movies", movies)):
        with open(target / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def fitted(name: str, sequences: Sequence[Sequence[int]], n_items: int) -> tuple[Baseline, str]:
    """The baseline, and how it was trained if it was."""
    if name != "sasrec":
        return fit_baseline(name, sequences, n_items), ""
    fit = fit_sasrec(sequences, n_items, seed=0)
    ended = "time" if fit.late else "patience"
    return fit.baseline, f"sasrec: pass {fit.best} of {fit.epochs}, ended by {ended}"


def measure(name: str, films: Films, without: int) -> tuple[dict[str, float], float, float, str]:
    """Metrics of the test targets, seconds of the fit, milliseconds of a ranking, and a remark.

    Fitted on the events before the last `without` + 1 ones of each user.
    """
    users = [user for user in films.users if user.split]
    begun = time.perf_counter()
    baseline, remark = fitted(
        name, [user.sequence[: _test(user) - without] for user in films.users], len(films.items)
    )
    seconds = time.perf_counter() - begun
    cases = [case_at(user, _test(user), DataSettings()) for user in users]
    begun = time.perf_counter()
    for case in cases:
        baseline.scores(case.past)
    each = (time.perf_counter() - begun) / len(cases) * 1000
    ranks = rank_baseline(baseline, cases, exclude_seen=True)
    return measured(ranking_metrics(10), {"rank": np.asarray(ranks)}), seconds, each, remark


def _test(user: UserEvents) -> int:
    """Position of the test target; the end for users without one."""
    return user.split.test if user.split else len(user.sequence)


def row(name: str, films: Films, remarks: list[str]) -> list[str]:
    """One line of the table."""
    cells: list[Any] = []
    for without in (1, 0):
        values, seconds, each, remark = measure(name, films, without)
        cells.append(f"{values['hr@10']:.4f}/{values['ndcg@10']:.4f}/{values['mrr']:.4f}")
        if remark:
            remarks.append(f"{remark} ({'without' if without else 'with'} validation events).")
    return [name, cells[0], KNOWN.get(name, "–"), cells[1], f"{seconds:.1f}", f"{each:.2f}"]


def main() -> None:
    """Measure all baselines, and print the section or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--core", type=int, default=5, help="ratings that a user and a film have at least")
    parser.add_argument(
        "--baselines", nargs="+", default=get_args(BaselineName), choices=get_args(BaselineName)
    )
    parser.add_argument("--publish", action="store_true", help="put the section into RESULTS.md")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        write_core(arguments.movielens, Path(place), arguments.core)
        films = read_films(Path(place))
    events = sum(len(user.sequence) for user in films.users)
    remarks: list[str] = []
    rows = [row(name, films, remarks) for name in arguments.baselines]
    header = (
        "baseline",
        "fitted without validation events: HR@10/NDCG@10/MRR",
        "known HR@10/NDCG@10",
        "fitted on all before the target",
        "seconds of that fit",
        "ms a user",
    )
    lines = [
        f"{arguments.movielens.name}, {arguments.core}-core: {len(films.users):,} users, "
        f"{len(films.items):,} films, {events:,} events; every user's last event is ranked among all films. "
        f"Other work at the start: a load of {load:.1f} on {os.cpu_count()} cores.",
        "",
        *table(header, rows),
        "",
        *remarks,
    ]
    text = section("Baselines", torch.get_num_threads(), lines)
    if arguments.publish:
        publish("Baselines", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
