"""The duration of an import, compared with reading the same files with the csv module.

    python benchmarks/imports.py [MOVIELENS_FOLDER]

Prints one line of JSON: medians of 5 runs in seconds, taken in turn, and their ratio.
"""

import argparse
import csv
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from promptrec_tui.datasets.importer import ImportOptions, import_dataset

MOVIELENS = Path(__file__).parent.parent.parent / "shared" / "data" / "ml-latest-small"
ROUNDS = 5


def bare_read(folder: Path) -> None:
    """Read every field of both files once."""
    for name in ("movies.csv", "ratings.csv"):
        with open(folder / name, newline="", encoding="utf-8") as file:
            for _ in csv.reader(file):
                pass


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(folder: Path) -> None:
    """Time both, in turn, and print the medians."""
    imports, reads = [], []
    with tempfile.TemporaryDirectory() as place:
        for number in range(ROUNDS):
            target = Path(place) / f"{number}.sqlite"
            reads.append(seconds(lambda: bare_read(folder)))
            imports.append(seconds(lambda target=target: import_dataset(folder, target, ImportOptions())))  # type: ignore[misc]
    figures = {"import_s": statistics.median(imports), "bare_csv_read_s": statistics.median(reads)}
    print(json.dumps({**figures, "ratio": figures["import_s"] / figures["bare_csv_read_s"]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=MOVIELENS, help="a folder of MovieLens")
    main(parser.parse_args().folder)
