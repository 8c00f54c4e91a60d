"""Inspection of a dataset before an experiment: lints, statistics, and the result of each split policy."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from promptrec_tui.datasets.findings import Lint as Lint
from promptrec_tui.errors import UserError
from promptrec_tui.prompts.tokens import TextTokenizer, load_tokenizer
from promptrec_tui.store.models import list_models
from promptrec_tui.workspace.datasets import open_listed
from promptrec_tui.workspace.opening import Workspace

if TYPE_CHECKING:
    from promptrec_tui.datasets.policies import SplitSummary
    from promptrec_tui.datasets.statistics import CountTokens, Statistics

Progress = Callable[[str, int, int], None]


def lint_dataset(workspace: Workspace, dataset: str, progress: Progress) -> list[Lint]:
    """All lint findings of a dataset, the most serious first. Raises UserError with the nearest name."""
    from promptrec_tui.datasets.lints import lint_dataset as lint

    with open_listed(workspace, dataset) as file:
        return lint(file, progress)


def dataset_statistics(workspace: Workspace, dataset: str, progress: Progress) -> "Statistics":
    """Counts and histograms of a dataset; lengths in tokens of the first listed model."""
    from promptrec_tui.datasets.statistics import describe_dataset

    with open_listed(workspace, dataset) as file:
        model, count = _first_tokenizer(workspace)
        return describe_dataset(file, progress, count, model)


def dataset_splits(workspace: Workspace, dataset: str, progress: Progress) -> "list[SplitSummary]":
    """The result of each split policy for a dataset."""
    from promptrec_tui.datasets.policies import summarise_splits

    progress("reading", 0, 0)
    with open_listed(workspace, dataset) as file:
        return summarise_splits(file)


def _first_tokenizer(workspace: Workspace) -> "tuple[str, CountTokens | None]":
    for model in list_models(workspace.catalogue):
        try:
            tokenizer = load_tokenizer(Path(model.folder))
        except UserError:
            continue
        return model.name, partial(_tokens, tokenizer)
    return "", None


def _tokens(tokenizer: TextTokenizer, text: str) -> int:
    return len(tokenizer.encode(text))
