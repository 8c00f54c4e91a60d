"""The catalogue's templates. A version never changes: saving a name again adds the next version."""

import secrets
from dataclasses import asdict, dataclass, field

from sqlalchemy import and_, delete, or_, select, update

from promptrec_tui.clock import now
from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template, template_as
from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.lookup import pick
from promptrec_tui.text import clean


@dataclass(frozen=True, kw_only=True)
class TemplateRow(Template):
    """One version of a template; `created` is ISO 8601 in UTC, `builtin`: ships with promptrec."""

    id: str
    version: int
    sha256: str = field()
    builtin: bool
    created: str


def add_template(catalogue: Catalogue, template: Template, builtin: bool = False) -> TemplateRow:
    """Save a template as the next version of its name, or as the first.

    Saving what the newest version already says adds nothing and answers that version.
    """
    with catalogue.write() as session:
        newest = session.scalar(
            select(tables.Template)
            .filter_by(name=template.name)
            .order_by(tables.Template.version.desc())
            .limit(1)
        )
        if newest is not None and newest.sha256 == template.sha256:
            return template_as(TemplateRow, newest)
        row = template_as(
            TemplateRow,
            template,
            id=secrets.token_hex(4),
            version=1 if newest is None else newest.version + 1,
            sha256=template.sha256,
            builtin=builtin,
            created=now(),
        )
        session.add(tables.Template(**asdict(row)))
        return row


def restore_template(catalogue: Catalogue, row: TemplateRow) -> bool:
    """List a version as it was before; False when its id, or its number under that name, is taken."""
    with catalogue.write() as session:
        same = or_(
            tables.Template.id == row.id,
            and_(tables.Template.name == row.name, tables.Template.version == row.version),
        )
        if session.scalar(select(tables.Template.id).where(same)):
            return False
        session.add(tables.Template(**asdict(row)))
        return True


def list_templates(catalogue: Catalogue) -> list[TemplateRow]:
    """The newest version of every name: the built-in ones first, then the oldest name first."""
    newest = {row.name: row for row in _versions(catalogue)}
    return sorted(newest.values(), key=lambda row: not row.builtin)


def find_template(catalogue: Catalogue, template: str) -> TemplateRow:
    """The newest version of that name, the version `name@2`, or the version with that id.

    Raises UserError with the nearest name, or with the versions that there are.
    """
    versions = _versions(catalogue)
    name, at, number = template.rpartition("@")
    if at and (namesakes := [row for row in versions if row.name == name]):
        for row in namesakes:
            if str(row.version) == number:
                return row
        raise UserError(
            f"Template {clean(name)!r} has no version {clean(number)!r}: it has 1 to {namesakes[-1].version}."
        )
    return pick("template", template, versions[::-1])


def template_versions(catalogue: Catalogue, template: str) -> list[TemplateRow]:
    """All versions of a template, given by name or by the id of any version, oldest first.

    Raises UserError with the nearest name.
    """
    name = find_template(catalogue, template).name
    return [row for row in _versions(catalogue) if row.name == name]


def same_text(catalogue: Catalogue, name: str, sha256: str) -> TemplateRow | None:
    """The version with the text of that hash: of that name if there is one, else under another."""
    rows = [row for row in _versions(catalogue) if row.sha256 == sha256]
    return max(rows, key=lambda row: row.name == name, default=None)


def rename_template(catalogue: Catalogue, template: str, name: str) -> TemplateRow:
    """Give all versions of a template another name; runs keep the name and the text that they started with.

    Raises UserError for an unknown name, a built-in template, and a name that somebody took first.
    """
    row = find_template(catalogue, template)
    if row.builtin:
        raise UserError(f"Template {row.name!r} ships with promptrec: only your own ones can be renamed.")
    with catalogue.write() as session:
        if session.scalar(select(tables.Template.id).filter_by(name=name)):
            raise UserError(f"A template called {name!r} exists already: choose another name.")
        if not session.scalar(select(tables.Template.id).filter_by(id=row.id, name=row.name)):
            raise UserError(f"Template {row.name!r} was renamed or deleted elsewhere a moment ago.")
        session.execute(update(tables.Template).filter_by(name=row.name).values(name=name))
    return find_template(catalogue, row.id)


def delete_template(catalogue: Catalogue, template: str) -> TemplateRow:
    """Take a template away with all its versions; runs keep the text that they were made with.

    Raises UserError for an unknown name and for a built-in template.
    """
    row = find_template(catalogue, template)
    if row.builtin:
        raise UserError(f"Template {row.name!r} ships with promptrec: only your own ones can be deleted.")
    with catalogue.write() as session:
        session.execute(delete(tables.Template).filter_by(name=row.name))
    return row


def _versions(catalogue: Catalogue) -> list[TemplateRow]:
    query = select(tables.Template).order_by(tables.Template.number)
    with catalogue.read() as session:
        return [template_as(TemplateRow, record) for record in session.scalars(query)]
