"""The tables of the catalogue. Migrations create them, never this page; a test compares the two."""

from dataclasses import Field, fields
from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column

from promptrec_tui.prompts import template


class Base(DeclarativeBase):
    """All tables; JSON columns hold plain lists and objects."""

    type_annotation_map = {list[Any]: JSON, dict[str, Any]: JSON, float: Double}  # noqa: RUF012 (SQLAlchemy reads it so)


class Dataset(Base):
    """One imported dataset file."""

    __tablename__ = "dataset"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    file: Mapped[str]
    sha256: Mapped[str]
    source: Mapped[str]
    format: Mapped[str]
    users: Mapped[int]
    items: Mapped[int]
    interactions: Mapped[int]
    examples: Mapped[int]
    rejected: Mapped[int]
    warnings: Mapped[list[Any]]
    created: Mapped[str]
    parent: Mapped[str | None]
    """The id of the dataset that it was made from by cleaning, if so, in these `steps`."""
    steps: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")


class Template(Base):
    """One immutable version of a template; `number` keeps the order in which they came.

    Below, a column for each other field of `prompts.template.Template` is added.
    """

    __tablename__ = "template"
    __table_args__ = (UniqueConstraint("name", "version"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    version: Mapped[int]
    sha256: Mapped[str]
    builtin: Mapped[bool]
    created: Mapped[str]


def _column(entry: "Field[Any]") -> MappedColumn[Any]:
    """The column of a field of a template; its default is that of rows from before there was the field."""
    if entry.type == template.Texts:
        return mapped_column(JSON, nullable=False, server_default="{}")
    default = entry.default if isinstance(entry.default, str) else None
    return mapped_column(String, nullable=entry.type is not str, server_default=default)


for _entry in fields(template.Template):
    if not hasattr(Template, _entry.name):
        setattr(Template, _entry.name, _column(_entry))


class Model(Base):
    """One base model folder."""

    __tablename__ = "model"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    folder: Mapped[str]
    sha256: Mapped[str]
    family: Mapped[str]
    model_type: Mapped[str]
    parameters: Mapped[int]
    embedded: Mapped[bool]
    source: Mapped[str]
    created: Mapped[str]


class Run(Base):
    """One run folder as far as it has been read: `offset` bytes of its events, its files as `seen` says."""

    __tablename__ = "run"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    dataset: Mapped[str]
    template: Mapped[str]
    model: Mapped[str]
    task: Mapped[str]
    created: Mapped[str]
    updated: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    stalled: Mapped[bool]
    attempt: Mapped[int]
    phase: Mapped[str]
    phase_done: Mapped[int | None]
    phase_total: Mapped[int | None]
    step: Mapped[int]
    total_steps: Mapped[int | None]
    train_loss: Mapped[float | None]
    best_value: Mapped[float | None]
    best_step: Mapped[int | None]
    sparkline: Mapped[list[Any]]
    best_metric: Mapped[str] = mapped_column(default="", server_default="")
    method: Mapped[str] = mapped_column(default="", server_default="")
    """How it tunes. Empty until its spec was read, as in rows from before there was this column."""
    learning_rate: Mapped[float | None]
    seed: Mapped[int | None]
    test_value: Mapped[float | None]
    """Of `best_metric`, by the report."""
    test_users: Mapped[int | None]
    tags: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    note: Mapped[str] = mapped_column(default="", server_default="")
    pinned: Mapped[bool] = mapped_column(default=False, server_default="0")
    archived: Mapped[bool] = mapped_column(default=False, server_default="0")
    offset: Mapped[int]
    seen: Mapped[str]


class OfRun:
    """The key of everything that an event of a run becomes."""

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)


class Metric(OfRun, Base):
    """One named value at one step; NULL where it was not a number."""

    __tablename__ = "metric"
    __table_args__ = (
        # With all that a curve needs, so that reading one reads nothing else.
        Index("metric_by_name", "run_id", "name", "step", "attempt", "seq", "value"),
        {"sqlite_with_rowid": False},
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int]
    value: Mapped[float | None]


class Moment(OfRun, Base):
    """When the training metrics of a step were written, in epoch seconds, and the epoch of training then."""

    __tablename__ = "moment"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 (SQLAlchemy reads it so)

    step: Mapped[int]
    time: Mapped[float]
    epoch: Mapped[float]


class Phase(Base):
    """One phase of an attempt (`runs.phases`); see `store.phases.PhaseRow`."""

    __tablename__ = "phase"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    """Of the event that began it."""
    times: Mapped[int]
    seconds: Mapped[float]
    began: Mapped[float | None]
    last: Mapped[float]
    done: Mapped[int | None]
    total: Mapped[int | None]
    message: Mapped[str]


class Checkpoint(OfRun, Base):
    """A checkpoint was saved at a step; it may be gone since."""

    __tablename__ = "checkpoint"

    step: Mapped[int]


class Preview(OfRun, Base):
    """What one pinned user, at `place` among them, was recommended at one step."""

    __tablename__ = "preview"

    place: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str]
    stage: Mapped[str]
    step: Mapped[int]
    history: Mapped[list[Any]]
    target: Mapped[str]
    rank: Mapped[float | None]
    top: Mapped[list[Any]]


class Evaluation(OfRun, Base):
    """The ranking metrics of a model or baseline over many users, with the protocol they hold under."""

    __tablename__ = "evaluation"

    stage: Mapped[str]
    name: Mapped[str]
    step: Mapped[int]
    users: Mapped[int]
    metrics: Mapped[dict[str, Any]]
    protocol: Mapped[dict[str, Any]]


class Warning(OfRun, Base):
    """A warning of a run."""

    __tablename__ = "warning"

    message: Mapped[str]
