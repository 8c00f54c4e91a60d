"""What the template studio asks of the workspace; as in `verbs`, each imports what it needs when it runs."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptrec_tui.workspace.drafts import Draft
    from promptrec_tui.workspace.opening import Workspace
    from promptrec_tui.workspace.rendering import Rendering
    from promptrec_tui.workspace.templates import Saved, Template, TemplateRow
    from promptrec_tui.workspace.versions import Version


@dataclass(frozen=True)
class Opening:
    """A template to edit: the version that it begins from (`base`, empty for a new one), the key of its
    draft, and that draft, if there is one."""

    template: "Template"
    base: str
    key: str
    draft: "Draft | None"


def template_to_edit(workspace: "Workspace", template: str, copy: bool) -> Opening:
    """What an editor opens: the template, or a new one that begins as a copy of it."""
    from promptrec_tui.workspace.drafts import NEW, find_draft
    from promptrec_tui.workspace.names import free_name
    from promptrec_tui.workspace.templates import (
        as_template,
        find_template,
        list_templates,
        template_versions,
    )

    row = find_template(workspace, template)
    text = as_template(row)
    if copy or row.builtin:
        names = [other.name for other in list_templates(workspace)]
        return Opening(
            replace(text, name=free_name(f"my-{row.name}", names)), "", NEW, find_draft(workspace, NEW)
        )
    key = template_versions(workspace, row.id)[0].id
    return Opening(text, row.id, key, find_draft(workspace, key))


def draft_rendering(
    workspace: "Workspace", dataset: str, template: "Template", user: str | None, model: str
) -> "Rendering":
    """`rendering` of a template that is being written."""
    from promptrec_tui.workspace.rendering import render_draft

    return render_draft(workspace, dataset, template, user, model)


def datasets_by_task(workspace: "Workspace") -> dict[str, list[str]]:
    """The ids of the datasets that have rows for a task, by task."""
    from promptrec_tui.workspace.rendering import datasets_by_task as by_task

    return by_task(workspace)


def neighbour(workspace: "Workspace", dataset: str, task: str, user: str | None, by: int) -> str | None:
    """The row that stands `by` rows after one: the key of a user, or the number of a labelled text."""
    from promptrec_tui.workspace.rendering import neighbour as step

    return step(workspace, dataset, task, user, by)


def keep_draft(workspace: "Workspace", key: str, template: "Template", base: str) -> None:
    """Keep what is typed."""
    from promptrec_tui.workspace.drafts import keep_draft as keep

    keep(workspace, key, template, base)


def save_edited(workspace: "Workspace", template: "Template", base: str, key: str) -> "Saved":
    """Save what was typed as a new version, and forget the draft."""
    from promptrec_tui.workspace.drafts import drop_draft
    from promptrec_tui.workspace.templates import save_edited as save

    saved = save(workspace, template, base)
    drop_draft(workspace, key)
    return saved


def template_toml(workspace: "Workspace", template: "Template") -> str:
    """The TOML file of a template."""
    from promptrec_tui.workspace.templates import template_to_toml

    return template_to_toml(template)


def toml_template(workspace: "Workspace", text: str) -> "Template":
    """The template in the text of a TOML file."""
    from promptrec_tui.workspace.templates import read_toml

    return read_toml(text)


def template_versions(workspace: "Workspace", template: str) -> "list[Version]":
    """All versions of a template with their runs, newest first."""
    from promptrec_tui.workspace.versions import template_versions as versions

    return versions(workspace, template)[::-1]


def version_diff(workspace: "Workspace", before: str, after: str) -> list[str]:
    """A unified diff of two versions, given by id."""
    from promptrec_tui.workspace.templates import find_template
    from promptrec_tui.workspace.versions import version_diff as diff

    return diff(find_template(workspace, before), find_template(workspace, after))


def rename_template(workspace: "Workspace", template: str, name: str) -> "TemplateRow":
    """Give a template another name."""
    from promptrec_tui.workspace.templates import rename_template as rename

    return rename(workspace, template, name)
