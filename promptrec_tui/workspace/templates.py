"""List, save and rename prompt templates."""

from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template as Template
from promptrec_tui.prompts.template import check_template, parse_template, parse_template_file, template_as
from promptrec_tui.prompts.template import template_to_toml as template_to_toml
from promptrec_tui.store import templates as store
from promptrec_tui.store.templates import TemplateRow as TemplateRow
from promptrec_tui.workspace.names import check_name
from promptrec_tui.workspace.opening import Workspace


@dataclass(frozen=True)
class Saved:
    """The saved version, and the version that someone else saved during the edit (`meanwhile`), if any."""

    row: TemplateRow
    meanwhile: TemplateRow | None


def list_templates(workspace: Workspace) -> list[TemplateRow]:
    """The newest version of every template, the built-in ones first."""
    return store.list_templates(workspace.catalogue)


def find_template(workspace: Workspace, template: str) -> TemplateRow:
    """The template of that name (`name@2` for its second version) or id."""
    return store.find_template(workspace.catalogue, template)


def template_versions(workspace: Workspace, template: str) -> list[TemplateRow]:
    """All versions of a template, oldest first."""
    return store.template_versions(workspace.catalogue, template)


def rename_template(workspace: Workspace, template: str, name: str) -> TemplateRow:
    """Rename all versions of a template; runs keep the name and text that they started with.

    Raises UserError when the name exists or the template is built in.
    """
    check_name("template", name, [row.name for row in list_templates(workspace)])
    return store.rename_template(workspace.catalogue, template, name)


def save_template(workspace: Workspace, path: Path) -> TemplateRow:
    """Save a template file as a new template, or as a new version of the one that has its name.

    Raises UserError when the text is wrong, or the name belongs to a built-in template.
    """
    return _add(workspace, parse_template_file(path))


def save_edited(workspace: Workspace, template: Template, base: str) -> Saved:
    """Save an edit of the version `base` (its id, empty for a new template) as the next version.

    A version that was saved under the name in between stays, and is returned as `meanwhile`.
    Raises UserError as `save_template` does.
    """
    rows = store.template_versions(workspace.catalogue, base) if base else []
    before = next((row for row in rows if row.id == base and row.name == template.name), None)
    if before is None and template.name in {row.name for row in list_templates(workspace) if not row.builtin}:
        raise UserError(f"A template called {template.name!r} exists already: choose another name.")
    row = _add(workspace, template)
    known = before.version if before else 0
    between = [
        other
        for other in store.template_versions(workspace.catalogue, row.id)
        if known < other.version < row.version
    ]
    return Saved(row, between[-1] if between else None)


def as_template(row: TemplateRow) -> Template:
    """The template text of a catalogue row."""
    return template_as(Template, row)


def read_toml(text: str) -> Template:
    """Parse the TOML text of a template. Raises UserError; the Jinja parts are not checked."""
    return parse_template(text, "The text")


def _add(workspace: Workspace, template: Template) -> TemplateRow:
    check_template(template)
    namesakes = [row for row in list_templates(workspace) if row.name == template.name]
    if namesakes and namesakes[0].builtin:
        raise UserError(f"{template.name!r} is a built-in template: give yours another name.")
    if not namesakes:
        check_name("template", template.name, [])
    return store.add_template(workspace.catalogue, template)
