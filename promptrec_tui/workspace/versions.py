"""The versions of a template: their differences, and the runs that started with each."""

import difflib
from collections import defaultdict
from dataclasses import dataclass

from promptrec_tui.errors import UserError
from promptrec_tui.runs.folder import RunFolder
from promptrec_tui.store import templates as store
from promptrec_tui.store.runs import list_runs
from promptrec_tui.store.templates import TemplateRow
from promptrec_tui.text import clean
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.templates import template_to_toml


@dataclass(frozen=True)
class Version:
    """One version of a template, and the names of the runs that started with its text, newest first."""

    row: TemplateRow
    runs: tuple[str, ...]


def template_versions(workspace: Workspace, template: str) -> list[Version]:
    """All versions of a template, given by name or by the id of any version, oldest first.

    Raises UserError with the nearest name.
    """
    runs: dict[str, list[str]] = defaultdict(list)
    for run in list_runs(workspace.catalogue):
        try:
            runs[RunFolder(workspace.home.runs / run.id).spec().template.sha256].append(run.name)
        except UserError:
            continue
    rows = store.template_versions(workspace.catalogue, template)
    return [Version(row, tuple(runs[row.sha256])) for row in rows]


def version_diff(before: TemplateRow, after: TemplateRow) -> list[str]:
    """A unified diff of two versions, as lines of cleaned text; empty when they are equal."""
    old, new = (template_to_toml(row).splitlines() for row in (before, after))
    name, other = (f"{row.name} version {row.version}" for row in (before, after))
    return [clean(line) for line in difflib.unified_diff(old, new, name, other, lineterm="")]
