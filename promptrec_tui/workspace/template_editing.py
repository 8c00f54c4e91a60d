"""Open and save a template in the editor."""

from dataclasses import dataclass, replace

from promptrec_tui.workspace import templates
from promptrec_tui.workspace.drafts import NEW, Draft, drop_draft, find_draft
from promptrec_tui.workspace.names import free_name
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.templates import (
    Saved,
    Template,
    as_template,
    find_template,
    list_templates,
    template_versions,
)


@dataclass(frozen=True)
class Opening:
    """A template to edit, and the draft of it, if there is one.

    `base` is the id of the version that the edit starts from, empty for a new template; `key` is the key of
    the draft.
    """

    template: Template
    base: str
    key: str
    draft: Draft | None


def template_to_edit(workspace: Workspace, template: str, copy: bool) -> Opening:
    """The template for the editor, or a new one that starts as a copy of it.

    A built-in template is always copied.
    """
    row = find_template(workspace, template)
    text = as_template(row)
    if copy or row.builtin:
        names = [other.name for other in list_templates(workspace)]
        return Opening(
            replace(text, name=free_name(f"my-{row.name}", names)), "", NEW, find_draft(workspace, NEW)
        )
    key = template_versions(workspace, row.id)[0].id
    return Opening(text, row.id, key, find_draft(workspace, key))


def save_edited(workspace: Workspace, template: Template, base: str, key: str) -> Saved:
    """Save an edited template as a new version, and delete its draft."""
    saved = templates.save_edited(workspace, template, base)
    drop_draft(workspace, key)
    return saved
