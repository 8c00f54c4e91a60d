"""Speed and exactness of ranking, compared with naive forwards, a cached prompt and beam search.

    python benchmarks/ranking.py MODEL_FOLDER [MODEL_FOLDER2] [--users N [N2]] [--threads T] [--quick]

Each MODEL_FOLDER is one of `warm_model.py` and becomes a column, of N users each. The catalogue is all titles
of ml-latest-small; prompts hold 250 ± 50 tokens, seen titles are no answers. Peers take turns user by user in
one process. What is measured is kept beside the model folder as NAME-ranking.json, so that a run that was cut
off goes on (`--again`: from the start). Writes the section "Ranking" of RESULTS.md; with --quick it prints
one of few users and titles instead.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from memory import watched
from movielens import MOVIELENS, Films, read_films
from ranking_bench import Bench, Sizes
from ranking_table import Column, lines
from results import publish, section
from store import Store

SCORING = Path(__file__).parent / "scoring_process.py"
QUICK = Sizes(users=2, ranked=1, searched=1, everyone=3, sample=64, few=100, titles=300)


def tell(message: str) -> None:
    """A line of progress."""
    print(message, file=sys.stderr, flush=True)


def measure(folder: Path, films: Films, sizes: Sizes, options: argparse.Namespace) -> Column:
    """Measure what the store of one model lacks."""
    bench = Bench(folder, films, sizes)
    kept = {**asdict(sizes), "threads": options.threads, "torch": torch.__version__}
    path = folder.with_name(f"{folder.name}-ranking{'-quick' if options.quick else ''}.json")
    store = Store(path, folder, kept, options.again or options.quick)
    start = time.monotonic()

    def report(progress: str) -> None:
        tell(f"{bench.name}, {time.monotonic() - start:.0f} s: {progress}")

    if not store.has("setup", "naive"):
        store.put("setup", "naive", {"batch": bench.warm_up()})
    batch = store.records["setup"]["naive"]["batch"]
    for index, question in enumerate(bench.asked):
        if not store.has("users", question.user):
            store.put("users", question.user, bench.user(index, question, batch))
            same = store.records["users"][question.user]["same"]
            report(f"user {index + 1} of {len(bench.asked)}, the best 10 of brute force: {same}")
    first = bench.asked[0]
    if not store.has("naive", first.user):
        report(f"naive forwards over all titles, {batch} at a time")
        store.put("naive", first.user, bench.naive(first, batch))
    for index, question in enumerate(bench.everyone):
        if not store.has("everyone", question.user):
            store.put("everyone", question.user, bench.rank(question))
            if (index + 1) % 50 == 0:
                report(f"rank of {index + 1} of {len(bench.everyone)} targets")
    if not store.has("memory", "scores"):
        report("memory of scores")
        given = ["--threads", str(options.threads), "--movielens", str(options.movielens)]
        run = watched([str(SCORING), str(folder), *given, "--titles", str(sizes.titles)])
        store.put("memory", "scores", {"growth": run.growth})
    report("done")
    return Column(
        bench.name,
        len(bench.titles),
        bench.ranker.trie.inner,
        sizes,
        store,
        [question.user for question in bench.asked],
        [question.user for question in bench.everyone],
        json.loads((folder / "warm.json").read_text("utf-8")),
    )


def main(arguments: Sequence[str]) -> None:
    """Measure each model and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--users", type=int, nargs="+", default=[Sizes().users])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="forget what was measured before")
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    films = read_films(options.movielens)
    columns = []
    for place, folder in enumerate(options.models):
        sizes = QUICK if options.quick else Sizes(users=options.users[min(place, len(options.users) - 1)])
        columns.append(measure(folder.resolve(), films, sizes, options))
    text = section("Ranking", options.threads, lines(columns))
    if options.quick:
        print(text)
    else:
        publish("Ranking", text)


if __name__ == "__main__":
    main(sys.argv[1:])
