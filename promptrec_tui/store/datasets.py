"""The catalogue's list of datasets. The files themselves belong to `datasets/`."""

from dataclasses import asdict, dataclass, replace

from sqlalchemy import delete, select

from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.lookup import pick, refuse_taken
from promptrec_tui.text import clean


@dataclass(frozen=True)
class DatasetRow:
    """One dataset; `file` is relative to the home, `created` ISO 8601 in UTC.

    `parent` is the id of the dataset that it was made from by the cleaning `steps`; it may be gone by now.
    """

    id: str
    name: str
    file: str
    sha256: str
    source: str
    format: str
    users: int
    items: int
    interactions: int
    examples: int
    rejected: int
    warnings: tuple[str, ...]
    created: str
    parent: str | None = None
    steps: tuple[str, ...] = ()


def add_dataset(catalogue: Catalogue, row: DatasetRow) -> DatasetRow:
    """List a dataset file; returns the row as stored. Raises UserError when the name is taken."""
    # A path may hold bytes that are no text at all; here it is for reading only.
    row = replace(row, source=clean(row.source))
    with catalogue.write() as session:
        refuse_taken("dataset", row.name, session.scalar(select(tables.Dataset).filter_by(name=row.name)))
        session.add(
            tables.Dataset(**{**asdict(row), "warnings": list(row.warnings), "steps": list(row.steps)})
        )
    return row


def list_datasets(catalogue: Catalogue) -> list[DatasetRow]:
    """All datasets, newest first."""
    order = (tables.Dataset.created.desc(), tables.Dataset.name)
    with catalogue.read() as session:
        return [_row(record) for record in session.scalars(select(tables.Dataset).order_by(*order))]


def find_dataset(catalogue: Catalogue, dataset: str) -> DatasetRow:
    """The dataset of that name or id. Raises UserError with the nearest name."""
    return pick("dataset", dataset, list_datasets(catalogue))


def delete_dataset(catalogue: Catalogue, dataset: str) -> DatasetRow:
    """Take a dataset off the list; its file stays. Raises UserError with the nearest name."""
    row = find_dataset(catalogue, dataset)
    with catalogue.write() as session:
        session.execute(delete(tables.Dataset).filter_by(id=row.id))
    return row


def _row(record: tables.Dataset) -> DatasetRow:
    return DatasetRow(
        id=record.id,
        name=record.name,
        file=record.file,
        sha256=record.sha256,
        source=record.source,
        format=record.format,
        users=record.users,
        items=record.items,
        interactions=record.interactions,
        examples=record.examples,
        rejected=record.rejected,
        warnings=tuple(record.warnings),
        created=record.created,
        parent=record.parent,
        steps=tuple(record.steps),
    )
