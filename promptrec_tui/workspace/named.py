"""What can be gone to by its name, besides runs: datasets, templates, models, and settings of runs."""

from dataclasses import dataclass

from promptrec_tui.workspace.datasets import list_datasets
from promptrec_tui.workspace.models import list_models
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.settings import setting_rows
from promptrec_tui.workspace.templates import list_templates


@dataclass(frozen=True)
class Named:
    """`kind` is dataset, template, model or setting; `key` an id, or the key of a setting."""

    kind: str
    key: str
    name: str
    about: str


def named(workspace: Workspace) -> tuple[Named, ...]:
    """All of them, the newest first."""
    return (
        *(
            Named("dataset", row.id, row.name, f"{row.users:,} users, {row.items:,} items")
            for row in list_datasets(workspace)
        ),
        *(
            Named("template", row.id, row.name, f"{row.task}, version {row.version}")
            for row in list_templates(workspace)
        ),
        *(
            Named("model", row.id, row.name, f"{row.model_type}, {row.parameters:,} parameters")
            for row in list_models(workspace)
        ),
        *(Named("setting", row.key, row.key, row.why) for row in setting_rows()),
    )
