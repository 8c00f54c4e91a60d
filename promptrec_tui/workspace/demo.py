"""The sample workspace: simulated interactions over real films, and one run of the embedded model."""

from promptrec_tui.errors import UserError
from promptrec_tui.resources import resource
from promptrec_tui.runs.settings import read_settings_toml
from promptrec_tui.workspace.datasets import ImportOptions, Progress, import_source, list_datasets
from promptrec_tui.workspace.models import list_models
from promptrec_tui.workspace.new_runs import NewRun, start_run
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import RunRow, list_runs

DATASET = "sample-films-simulated"
RUN = "sample-run-simulated"
TEMPLATE = "list"


def start_demo(workspace: Workspace, progress: Progress | None = None) -> RunRow:
    """Import the sample once and start the sample run once; later calls find both."""
    sample = resource("sample_data")
    if not (sample / "interactions.csv").is_file():
        raise UserError(f"The sample data are missing from {sample}: install promptrec again.")
    if DATASET not in [row.name for row in list_datasets(workspace)]:
        options = ImportOptions(format="csv", items=sample / "films.csv")
        import_source(workspace, sample / "interactions.csv", DATASET, options, progress)
    for row in list_runs(workspace):
        if row.name == RUN:
            return row
    new = NewRun(
        name=RUN,
        dataset=DATASET,
        task="next_item",
        template=TEMPLATE,
        model=next(row.name for row in list_models(workspace) if row.embedded),
        settings=read_settings_toml(sample / "sample_run.toml"),
    )
    return start_run(workspace, new)
