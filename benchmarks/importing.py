"""Imports a large simulated CSV file of the shape of MovieLens 25M, and reads the dataset file.

    python benchmarks/importing.py [--rows 25000000] [--folder TEMPORARY] [--publish]

The import runs in a process of its own, so that its memory can be measured. DuckDB's own read of the same
file in the same run is the lower bound. Other work on the machine makes every result worse: the load is
reported.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from results import publish, section, table, verdict

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset

FULL_ROWS, FULL_USERS, FILMS = 25_000_095, 162_541, 62_423
TRIES = 50
SECONDS, MEMORY_MB, READ_MS, BULK_SECONDS = 90, 1_500, 50, 30


def simulate(folder: Path, rows: int) -> None:
    """ratings.csv and movies.csv: users with a long tail of lengths, films likewise, times within a month."""
    random = np.random.default_rng(0)
    users = max(rows * FULL_USERS // FULL_ROWS, 10)
    lengths = random.pareto(1.2, users) * 30 + 20
    lengths = np.maximum((lengths * rows / lengths.sum()).astype(int), 1)
    with open(folder / "movies.csv", "w", encoding="utf-8") as file:
        file.write("movieId,title,genres\n")
        file.writelines(
            f'{film},"Film, The No. {film} ({1950 + film % 70})",Drama\n' for film in range(FILMS)
        )
    with open(folder / "ratings.csv", "w", encoding="utf-8") as file:
        file.write("userId,movieId,rating,timestamp\n")
        for user, length in enumerate(lengths, 1):
            films = np.unique((FILMS * random.power(0.4, length)).astype(int)).tolist()
            ratings = (random.integers(1, 11, len(films)) / 2).tolist()
            times = (random.integers(8e8, 1.5e9) + random.integers(0, 2_600_000, len(films))).tolist()
            file.writelines(
                f"{user},{film},{rating},{moment}\n"
                for film, rating, moment in zip(films, ratings, times, strict=True)
            )


def measure_import(folder: Path) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of the import, in a fresh process."""
    command = [sys.executable, __file__, "--import-only", "--folder", str(folder)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    seconds: dict[str, float] = json.loads(said)
    return seconds


def import_only(folder: Path) -> None:
    """Import, and print time and memory."""
    start = time.monotonic()
    target = folder / "dataset.sqlite"
    imported = import_dataset(folder, target, ImportOptions())
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer = {
        "rows": imported.interactions,
        "seconds": time.monotonic() - start,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
        "file_mb": target.stat().st_size / 2**20,
    }
    print(json.dumps(answer))


def measure_floor(folder: Path) -> float:
    """Seconds in which DuckDB reads and counts the same rows, as text."""
    import duckdb

    columns = dict.fromkeys(("userId", "movieId", "rating", "timestamp"), "VARCHAR")
    start = time.monotonic()
    duckdb.sql(
        "SELECT max(userId), max(movieId), max(rating), max(timestamp) FROM "
        f"read_csv('{folder / 'ratings.csv'}', header = true, auto_detect = false, columns = {columns})"
    ).fetchall()
    return time.monotonic() - start


def measure_reads(path: Path) -> dict[str, tuple[float, float]]:
    """Median and worst milliseconds of the queries of screens, for random users and positions."""
    random = np.random.default_rng(1)
    with open_dataset(path) as dataset:
        users, rows = dataset.counts.users, dataset.counts.interactions
        asked: dict[str, Callable[[], object]] = {
            "a page of 100 rows": lambda: dataset.rows(int(random.integers(rows - 100)), 100),
            "a user's history": lambda: dataset.history(int(random.integers(users))),
            "users by key": lambda: dataset.users(contains=str(random.integers(users)), limit=100),
            "items by title": lambda: dataset.find_items(f"no. {random.integers(FILMS)}", 8),
        }
        return {name: _milliseconds(ask) for name, ask in asked.items()}


def measure_holders(path: Path) -> float:
    """Seconds to find all events of the most popular film, which reads every history."""
    with open_dataset(path) as dataset:
        (film,) = dataset.find_items("", 1)
        start = time.monotonic()
        assert len(dataset.holders(film.item_id, film.events)) == film.events
        return time.monotonic() - start


def measure_bulk(path: Path) -> float:
    """Seconds to read all histories as numpy arrays."""
    start = time.monotonic()
    with open_dataset(path) as dataset:
        events = dataset.events()
        assert len(events) == dataset.counts.interactions
    return time.monotonic() - start


def _milliseconds(ask: Callable[[], object]) -> tuple[float, float]:
    times = []
    for _ in range(TRIES):
        start = time.monotonic()
        ask()
        times.append((time.monotonic() - start) * 1000)
    return median(times), max(times)


def report(folder: Path, threads: int) -> list[str]:
    """The figures beside their goals."""
    load = os.getloadavg()[0]
    floor = measure_floor(folder)
    done = measure_import(folder)
    reads = measure_reads(folder / "dataset.sqlite")
    holders = measure_holders(folder / "dataset.sqlite")
    bulk = measure_bulk(folder / "dataset.sqlite")
    rows = [
        [
            "import",
            f"under {SECONDS} s",
            verdict(f"{done['seconds']:.0f} s, {done['cpu']:.0f} s of CPU", done["seconds"] < SECONDS),
        ],
        ["DuckDB's own read of the ratings", "–", f"{floor:.1f} s"],
        [
            "peak memory of the import",
            f"under {MEMORY_MB:,} MB",
            verdict(f"{done['peak_mb']:,.0f} MB", done["peak_mb"] < MEMORY_MB),
        ],
        ["size of the dataset file", "–", f"{done['file_mb']:,.0f} MB"],
        *(
            [
                f"{name}: median, worst of {TRIES}",
                f"under {READ_MS} ms",
                verdict(f"{middle:.1f} ms, {worst:.1f} ms", middle < READ_MS),
            ]
            for name, (middle, worst) in reads.items()
        ),
        ["who had the most popular item, in the background", "–", f"{holders:.1f} s"],
        [
            "all histories as numpy arrays",
            f"under {BULK_SECONDS} s",
            verdict(f"{bulk:.1f} s", bulk < BULK_SECONDS),
        ],
    ]
    return [
        f"{done['rows']:,.0f} simulated interactions, {FILMS:,} films. Other work on the machine at the "
        f"start: a load of {load:.1f} on {threads} cores.",
        "",
        *table(["figure", "goal", "measured"], rows),
    ]


def main(arguments: Sequence[str]) -> None:
    """Simulate, measure, print; write the section of RESULTS.md on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=FULL_ROWS, help="some are drawn twice and fall away")
    parser.add_argument(
        "--folder", type=Path, help="a folder to work in; a file of ratings there is used again"
    )
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--import-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.import_only:
        import_only(options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "ratings.csv").exists():
            simulate(folder, options.rows)
        (folder / "dataset.sqlite").unlink(missing_ok=True)
        threads = os.cpu_count() or 1
        text = section("Import", threads, report(folder, threads))
        print(text)
        if options.publish:
            publish("Import", text)


if __name__ == "__main__":
    main(sys.argv[1:])
