"""Scores every title after some prompts in a process of its own, so that its memory can be watched.

    python benchmarks/scoring_process.py MODEL_FOLDER [--users N] [--titles M]

`ranking.py` starts it. The trie of the titles counts as memory of the scoring, the model does not.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from memory import answer, ready
from movielens import MOVIELENS, film_task, questions, read_films, spread

from promptrec_tui.models.loading import load_base
from promptrec_tui.tokentree.ranker import Ranker


def main(arguments: Sequence[str]) -> None:
    """Load, say so, score, answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--users", type=int, default=3)
    parser.add_argument("--titles", type=int, default=0, help="only the first so many; 0: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--movielens", type=Path, default=MOVIELENS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    films = read_films(options.movielens)
    task = film_task(films, options.model)
    asked = spread([each for each in questions(task, films) if each.usual], options.users)
    model = load_base(options.model, torch.device("cpu"), torch.float32)
    ready()
    ranker = Ranker(model, task.catalogue[: options.titles or None])
    for question in asked:
        ranker.scores(question.prompt)
    answer({"users": len(asked), "titles": len(ranker.trie.titles)})


if __name__ == "__main__":
    main(sys.argv[1:])
