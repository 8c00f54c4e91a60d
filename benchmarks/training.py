"""Speed and memory of training on next-item targets, compared with Trainer and TRL's SFTTrainer.

    python benchmarks/training.py [MOVIELENS_FOLDER] [--threads T] [--quick]

Every trainer has a process of its own and trains all next-item targets of the same users of ml-latest-small
with the embedded model, the same adapter and rates, once a round. Also: a random model with a vocabulary of
128,000 (memory), one target of each user (nothing to share), and whether loss and gradients are the same.
Writes the section "Training" of RESULTS.md; with --quick it prints one of few targets instead.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from memory import Watched, watched
from movielens import MOVIELENS
from results import publish, section, table, verdict

HERE = Path(__file__).parent
NAMES = {
    "ours": "promptrec",
    "catalogue": "promptrec, loss over the catalogue",
    "padded": "HF Trainer, padded to longest",
    "grouped": "HF Trainer, grouped by length",
    "trl": "TRL SFTTrainer, its defaults",
}


@dataclass(frozen=True)
class Case:
    """A training task and the trainers to compare on it."""

    name: str
    arguments: tuple[str, ...]
    quick: tuple[str, ...]
    peers: tuple[str, ...]


FEW = ("--users", "1", "--targets", "16")
CASES = {
    "list": Case("list template", ("--users", "3"), FEW, ("ours", "catalogue", "padded", "grouped", "trl")),
    "sentence": Case(
        "sentence template",
        ("--template", "next-item-en", "--users", "3"),
        ("--template", "next-item-en", *FEW),
        ("ours", "catalogue", "padded", "grouped", "trl"),
    ),
    "single": Case(
        "one target a prompt",
        ("--single", "--users", "256"),
        ("--single", "--users", "8"),
        ("ours", "grouped"),
    ),
    "vocabulary": Case(
        "large vocabulary",
        ("--vocabulary", "128000", "--users", "1"),
        ("--vocabulary", "8192", *FEW),
        ("ours", "padded"),
    ),
}
HOW = """
The embedded model (2.5 million weights) under a new adapter of rank 16; 128 targets an optimiser step, for
the peers in forwards of 8, the default of both. Each trainer ran in its own process, from tokenised examples
to the last step, its own setting up (our trees too) included, loading not; a warm-up on 8 targets came first,
and rounds were repeated, five at most, until 20 s were spent: medians. The targets are all training targets
of three users with few, middling and many events; with one target a prompt, the last one of each of 256
users. The large vocabulary has 128,000 tokens: a random model with the sizes of the embedded one, trained on
the middling user. Memory is the peak of the process above what it held with model and examples loaded.
""".replace("\n", " ").strip()
Runs = dict[tuple[str, str], Watched]


def tell(message: str) -> None:
    """A line of progress."""
    print(message, file=sys.stderr, flush=True)


def common(options: argparse.Namespace) -> list[str]:
    """The arguments of every process."""
    return ["--threads", str(options.threads), "--movielens", str(options.movielens)]


def measure(options: argparse.Namespace) -> tuple[Runs, str]:
    """Every case with every peer; and the reason if TRL is missing."""
    missing = "" if find_spec("trl") else "TRL SFTTrainer is not installed (extra `benchmark`): not measured."
    runs: Runs = {}
    for case_name, case in CASES.items():
        for peer in case.peers:
            if peer == "trl" and missing:
                continue
            arguments = [*(case.quick if options.quick else case.arguments), *common(options)]
            if options.quick:
                arguments += ["--seconds", "0.1"]
            run = watched([str(HERE / "training_process.py"), peer, *arguments])
            runs[case_name, peer] = run
            tell(f"{case.name}, {NAMES[peer]}: {rate(run):.2f} targets/s, {run.growth:.0f} MB")
    return runs, missing


def rate(run: Watched) -> float:
    """Targets a second, the median of the rounds."""
    return float(run.answer["targets"] / statistics.median(run.answer["seconds"]))


def measured_rows(runs: Runs) -> list[list[str]]:
    """A row for each process."""
    return [
        [
            CASES[case].name,
            NAMES[peer],
            f"{run.answer['targets']}",
            f"{run.answer['tokens'] / run.answer['targets']:.0f}",
            f"{len(run.answer['seconds'])}",
            f"{rate(run):.2f}",
            f"{run.growth:.0f}",
        ]
        for (case, peer), run in runs.items()
    ]


def goal_rows(runs: Runs, equal: dict[str, Watched]) -> list[list[str]]:
    """A row for each goal."""

    def faster(case: str, peer: str, goal: float, ours: str = "ours") -> str:
        if (case, peer) not in runs:
            return "not measured"
        times = rate(runs[case, ours]) / rate(runs[case, peer])
        return verdict(f"{times:.1f} times", times >= goal)

    rows = []
    for case, goal in (("list", 25), ("sentence", 20)):
        throughput = f"targets/s, {CASES[case].name}"
        padded = f"{throughput}, against HF padded"
        rows.append([padded, f"at least {goal} times", faster(case, "padded", goal)])
        catalogue = faster(case, "padded", goal, "catalogue")
        rows.append([f"{padded}, loss over the catalogue", f"at least {goal} times", catalogue])
        rows.append([f"{throughput}, against TRL", "at least 30 times", faster(case, "trl", 30)])
        differences = equal[case].answer
        rows.append(
            [
                f"loss of {differences['targets']} targets, {CASES[case].name}, dropout 0",
                "within 1e-5",
                verdict(f"{differences['loss_difference']:.1e}", differences["loss_difference"] <= 1e-5),
            ]
        )
        rows.append(
            [
                f"gradient of each weight, {CASES[case].name}, dropout 0",
                "within 1e-4, relative",
                verdict(
                    f"{differences['gradient_difference']:.1e}", differences["gradient_difference"] <= 1e-4
                ),
            ]
        )
    share = runs["vocabulary", "ours"].growth / runs["vocabulary", "padded"].growth
    rows.append(
        [
            f"peak memory above the loaded model, {CASES['vocabulary'].name}, against HF padded",
            "at most 0.25",
            verdict(f"{share:.2f}", share <= 0.25),
        ]
    )
    rows.append(
        [
            "one target a prompt, targets/s, against HF grouped",
            "at least 1 times",
            faster("single", "grouped", 1),
        ]
    )
    return rows


def main(arguments: Sequence[str]) -> None:
    """Measure all and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("movielens", nargs="?", type=Path, default=MOVIELENS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    runs, missing = measure(options)
    equal = {}
    for case, template in (("list", "list"), ("sentence", "next-item-en")):
        command = [str(HERE / "gradients.py"), "--template", template, *common(options)]
        equal[case] = watched([*command, "--targets", "16" if options.quick else "128"])
        tell(f"{CASES[case].name}: {equal[case].answer}")
    lines = [
        *table(["figure", "goal", "measured"], goal_rows(runs, equal)),
        "",
        *table(
            [
                "case",
                "trainer",
                "targets",
                "tokens a target",
                "rounds",
                "targets/s",
                "peak MB above the model",
            ],
            measured_rows(runs),
        ),
        "",
        HOW,
    ]
    if missing:
        lines += ["", missing]
    text = section("Training", options.threads, lines)
    if options.quick:
        print(text)
    else:
        publish("Training", text)
    tell(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
