"""The data of the compare screen that needs no resampling, read in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptrec_tui.tasks.defaults import case_noun, leading_metrics
from promptrec_tui.workspace.compared_runs import load_runs
from promptrec_tui.workspace.differences import Differences, differences
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.run_views import Points, curves, run_evaluations, run_previews
from promptrec_tui.workspace.runs import PreviewRow


@dataclass(frozen=True)
class CompareView:
    """Runs, measured or not, in the order in which they were given."""

    names: Mapping[str, str]
    """By id of the run, the name by which `differs` and a comparison call it."""
    noun: str
    """The noun of a case, such as user or text."""
    leading: tuple[str, str]
    """The two metrics of the curves, the leading one first."""
    differs: Differences
    curves: Mapping[str, Mapping[str, Points]]
    """By name of the run and of the metric: the leading metrics and both losses."""
    cases: Mapping[str, int]
    """By name of the run, the number of cases of its validation curves; of those that were validated."""
    previews: Mapping[str, tuple[PreviewRow, ...]]
    """By name of the run, its last previews of the pinned users."""


def compare_view(workspace: Workspace, runs: Sequence[str], points: int = 400) -> CompareView:
    """What is known of some runs; curves have at most `points` points each.

    Raises UserError for fewer than two runs, an unknown one, and one whose `run.json` is damaged.
    """
    loaded = load_runs(workspace, runs)
    spec = loaded[0].spec
    leading = leading_metrics(spec.task, spec.settings.evaluation.k)
    metrics = (*leading, "validation_loss", "train_loss")
    return CompareView(
        names={run.id: run.name for run in loaded},
        noun=case_noun(spec.task),
        leading=leading,
        differs=differences(
            {run.name: run.spec for run in loaded},
            {run.name: run.protocol for run in loaded if run.protocol},
        ),
        curves={run.name: curves(workspace, run.id, metrics, points) for run in loaded},
        cases={
            run.name: entry.users
            for run in loaded
            for entry in run_evaluations(workspace, run.id)
            if entry.stage == "validation"
        },
        previews={run.name: tuple(_last(run_previews(workspace, run.id))) for run in loaded},
    )


def _last(previews: Sequence[PreviewRow]) -> list[PreviewRow]:
    """The last preview of each user by the model itself."""
    last = {row.user: row for row in previews if row.stage != "blend"}
    return list(last.values())
