"""The catalogue's list of base models. The folders themselves belong to `models/`."""

from dataclasses import asdict, dataclass, replace

from sqlalchemy import delete, select, update

from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.lookup import pick, refuse_taken
from promptrec_tui.text import clean


@dataclass(frozen=True)
class ModelRow:
    """One base model; `folder` is absolute, `created` ISO 8601 in UTC, `embedded`: ships with promptrec."""

    id: str
    name: str
    folder: str
    sha256: str
    family: str
    model_type: str
    parameters: int
    embedded: bool
    source: str
    created: str


def add_model(catalogue: Catalogue, row: ModelRow) -> ModelRow:
    """List a model folder; returns the row as stored. Raises UserError when the name is taken."""
    row = replace(row, source=clean(row.source))
    with catalogue.write() as session:
        refuse_taken("model", row.name, session.scalar(select(tables.Model).filter_by(name=row.name)))
        session.add(tables.Model(**asdict(row)))
    return row


def list_models(catalogue: Catalogue) -> list[ModelRow]:
    """All base models: the embedded one first, then the oldest first."""
    order = (tables.Model.embedded.desc(), tables.Model.created, tables.Model.name)
    with catalogue.read() as session:
        return [_row(record) for record in session.scalars(select(tables.Model).order_by(*order))]


def find_model(catalogue: Catalogue, model: str) -> ModelRow:
    """The model of that name or id. Raises UserError with the nearest name."""
    return pick("model", model, list_models(catalogue))


def move_model(catalogue: Catalogue, identity: str, folder: str) -> None:
    """Note the new place of a model's folder."""
    with catalogue.write() as session:
        session.execute(update(tables.Model).filter_by(id=identity).values(folder=folder))


def delete_model(catalogue: Catalogue, model: str) -> ModelRow:
    """Take a model off the list; its folder stays. Raises UserError with the nearest name."""
    row = find_model(catalogue, model)
    with catalogue.write() as session:
        session.execute(delete(tables.Model).filter_by(id=row.id))
    return row


def _row(record: tables.Model) -> ModelRow:
    return ModelRow(
        id=record.id,
        name=record.name,
        folder=record.folder,
        sha256=record.sha256,
        family=record.family,
        model_type=record.model_type,
        parameters=record.parameters,
        embedded=record.embedded,
        source=record.source,
        created=record.created,
    )
