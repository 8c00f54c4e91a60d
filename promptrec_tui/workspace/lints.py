"""What a person asks before an experiment: what in this dataset would spoil it?"""

from collections.abc import Callable

from promptrec_tui.datasets.findings import Lint as Lint
from promptrec_tui.workspace.datasets import open_listed
from promptrec_tui.workspace.opening import Workspace

Progress = Callable[[str, int, int], None]


def lint_dataset(workspace: Workspace, dataset: str, progress: Progress) -> list[Lint]:
    """All that the lints find in a dataset, the serious first. Raises UserError with the nearest name."""
    from promptrec_tui.datasets.lints import lint_dataset as lint

    with open_listed(workspace, dataset) as file:
        return lint(file, progress)
