"""Queries about runs: the list, previews, evaluations."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import String, delete, or_, select, type_coerce

from promptrec_tui.runs.label import Label
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import State
from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.lookup import pick, refuse_taken

PATIENCE = 3.0
"""Seconds to wait for another program; after that the run is listed later."""

LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class QueuePlace:
    """The position of a waiting run, 1 being next, and whether the queue goes on after it fails."""

    place: int
    held: bool
    priority: int
    continue_after_failure: bool


@dataclass(frozen=True)
class RunRow:
    """One run. `dataset`, `template`, `model` are names; `created`, `updated` (last event) ISO 8601 in UTC.

    `train_loss` is the last one, `best_value` the best of the metric `best_metric` on validation so far,
    `sparkline` the loss in few points. `test_value` is of that metric, over `test_users`, after the run.
    `tags`, `note`, `pinned` and `archived` are what people said of it.
    `queue` is known to the run folders only: `workspace` fills it in.
    """

    id: str
    name: str
    state: State
    reason: str
    stalled: bool
    attempt: int
    phase: str
    phase_done: int | None
    phase_total: int | None
    step: int
    total_steps: int | None
    train_loss: float | None
    best_metric: str
    best_value: float | None
    sparkline: tuple[float, ...]
    dataset: str
    template: str
    model: str
    task: str
    created: str
    updated: str
    best_step: int | None
    method: str = ""
    learning_rate: float | None = None
    seed: int | None = None
    test_value: float | None = None
    test_users: int | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    pinned: bool = False
    archived: bool = False
    queue: QueuePlace | None = None


FIELDS = [field.name for field in fields(RunRow) if field.name != "queue"]
LISTS = ("sparkline", "tags")
COLUMNS = [
    type_coerce(getattr(tables.Run, name), String) if name in LISTS else getattr(tables.Run, name)
    for name in FIELDS
]
"""Lists as the text that is stored, so that a record can be looked up in `_ROWS`."""

STATE, *LIST_PLACES = (FIELDS.index(name) for name in ("state", *LISTS))

_ROWS: "WeakKeyDictionary[Catalogue, dict[tuple[Any, ...], RunRow]]" = WeakKeyDictionary()
"""The rows of the last list by their records. A record that is the same gives the same row again: thousands
are neither made anew nor compared field by field each second."""


@dataclass(frozen=True)
class PreviewRow:
    """The recommendations to one user: `history` and `target` are titles.

    `top` has `key title logprob probability` each.
    """

    stage: str
    step: int
    user: str
    history: tuple[str, ...]
    target: str
    rank: float | None
    top: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class EvaluationRow:
    """Ranking metrics of `name` (untuned, tuned or a baseline), with the protocol that they hold under."""

    stage: str
    name: str
    step: int
    users: int
    metrics: dict[str, float | None]
    protocol: dict[str, Any]


def blank_record(run_id: str, name: str, created: str) -> tables.Run:
    """The record of a run of which nothing has been read: neither its spec nor its events."""
    texts = dict.fromkeys(("dataset", "template", "model", "task", "reason", "phase", "seen"), "")
    numbers = dict.fromkeys(("attempt", "step", "offset"), 0)
    record = tables.Run(id=run_id, name=name, created=created, updated=created, **texts, **numbers)
    record.state, record.stalled, record.sparkline, record.method = State.DRAFT, False, [], ""
    label_record(record, Label())
    return record


def describe(record: tables.Run, spec: RunSpec) -> None:
    """Copy the spec's values into a run's record; its id and name stay."""
    if not record.task:
        record.updated = spec.created
    record.dataset, record.template, record.model = spec.dataset.name, spec.template.name, spec.model.name
    record.task, record.created, record.method = spec.task, spec.created, spec.settings.tuning.method
    record.learning_rate, record.seed = spec.settings.train.learning_rate, spec.settings.train.seed


def label_record(record: tables.Run, label: Label) -> None:
    """Copy a label into a run's record, but for the name, which must be free."""
    record.tags, record.note = list(label.tags), label.note
    record.pinned, record.archived = label.pinned, label.archived


def spec_record(spec: RunSpec) -> tables.Run:
    """The record of a run of which only the spec is known."""
    record = blank_record(spec.id, spec.name, spec.created)
    describe(record, spec)
    return record


def row_of(spec: RunSpec, label: Label) -> RunRow:
    """The row of a run that is not listed yet."""
    record = spec_record(spec)
    record.name = label.name or spec.name
    label_record(record, label)
    values = [getattr(record, name) for name in FIELDS]
    return _row([json.dumps(value) if isinstance(value, list) else value for value in values])


def add_run(catalogue: Catalogue, spec: RunSpec) -> RunRow:
    """List a run whose folder was just made (an ingest may have found it already).

    Raises UserError when another run has its name, BusyError when another program holds the catalogue.
    """
    with catalogue.write(PATIENCE) as session:
        same_name = select(tables.Run.id).where(tables.Run.name == spec.name, tables.Run.id != spec.id)
        refuse_taken("run", spec.name, session.scalar(same_name))
        record = session.get(tables.Run, spec.id)
        if record is None:
            record = spec_record(spec)
            session.add(record)
            session.flush()
        return _row(session.execute(select(*COLUMNS).where(tables.Run.id == spec.id)).one())


def list_runs(catalogue: Catalogue) -> list[RunRow]:
    """All runs, newest first."""
    order = (tables.Run.created.desc(), tables.Run.name)
    before = _ROWS.get(catalogue, {})
    with catalogue.read() as session:
        # Past the object mapper, which costs as much again.
        result = session.connection().execute(select(*COLUMNS).order_by(*order))
        records = [tuple(record) for record in result]
    rows = {record: before.get(record) or _row(record) for record in records}
    _ROWS[catalogue] = rows
    return list(rows.values())


def latest_like(catalogue: Catalogue, task: str, template: str, model: str) -> RunRow | None:
    """The newest run that has ended by itself, of that task, template and model."""
    run = tables.Run
    same = (run.task == task, run.template == template, run.model == model, run.state == State.DONE)
    query = select(*COLUMNS).where(*same).order_by(run.created.desc()).limit(1)
    with catalogue.read() as session:
        record = session.execute(query).first()
    return _row(tuple(record)) if record else None


def run_names(catalogue: Catalogue, start: str) -> list[str]:
    """The names of runs that begin with `start`, found by the index of names."""
    name = tables.Run.name
    query = select(name).where(name >= start, name < start + LAST_CHARACTER)
    with catalogue.read() as session:
        return list(session.scalars(query))


def find_run(catalogue: Catalogue, run: str) -> RunRow:
    """The run of that name or id. Raises UserError with the nearest name."""
    wanted = run.encode(errors="replace").decode()
    query = select(*COLUMNS).where(or_(tables.Run.name == wanted, tables.Run.id == wanted))
    with catalogue.read() as session:
        rows = [_row(record) for record in session.execute(query)]
    return pick("run", run, rows or list_runs(catalogue))


def delete_run(catalogue: Catalogue, run: str) -> RunRow:
    """Take a run and all its figures out of the catalogue; its folder stays, and comes back while it does.

    Raises UserError with the nearest name.
    """
    row = find_run(catalogue, run)
    with catalogue.write() as session:
        session.execute(delete(tables.Run).filter_by(id=row.id))
    return row


def previews(catalogue: Catalogue, run_id: str) -> list[PreviewRow]:
    """For each pinned user, in their order: the first preview before training, the last one since, and the
    last one by a blend.
    """
    preview = tables.Preview
    order = (preview.attempt, preview.seq, preview.place)
    query = select(preview).where(preview.run_id == run_id).order_by(*order)
    before: dict[str, tables.Preview] = {}
    since: dict[str, tables.Preview] = {}
    blend: dict[str, tables.Preview] = {}
    with catalogue.read() as session:
        for record in session.scalars(query):
            if record.stage == "before":
                before.setdefault(record.user, record)
            else:
                (blend if record.stage == "blend" else since)[record.user] = record
        users = dict.fromkeys([*before, *since])
        return [_preview(stage[user]) for user in users for stage in (before, since, blend) if user in stage]


def recent_values(catalogue: Catalogue, run_id: str, name: str, count: int) -> list[float | None]:
    """The last `count` values of a metric, the newest first; None where it was not a number."""
    metric = tables.Metric
    query = (
        select(metric.value)
        .where(metric.run_id == run_id, metric.name == name)
        .order_by(metric.step.desc(), metric.attempt.desc(), metric.seq.desc())
        .limit(count)
    )
    with catalogue.read() as session:
        return list(session.scalars(query))


def evaluations(catalogue: Catalogue, run_id: str) -> list[EvaluationRow]:
    """Every evaluation of a run, oldest first."""
    evaluation = tables.Evaluation
    query = select(evaluation).where(evaluation.run_id == run_id).order_by(evaluation.attempt, evaluation.seq)
    with catalogue.read() as session:
        return [
            EvaluationRow(row.stage, row.name, row.step, row.users, row.metrics, row.protocol)
            for row in session.scalars(query)
        ]


def warnings(catalogue: Catalogue, run_id: str) -> list[str]:
    """The warnings of a run, oldest first, each sentence once."""
    warning = tables.Warning
    query = select(warning.message).where(warning.run_id == run_id).order_by(warning.attempt, warning.seq)
    with catalogue.read() as session:
        return list(dict.fromkeys(session.scalars(query)))


def _preview(record: tables.Preview) -> PreviewRow:
    return PreviewRow(
        stage=record.stage,
        step=record.step,
        user=record.user,
        history=tuple(record.history),
        target=record.target,
        rank=record.rank,
        top=tuple(record.top),
    )


def _row(record: Sequence[Any]) -> RunRow:
    """A run from its `COLUMNS`."""
    values = list(record)
    values[STATE] = State(values[STATE])
    for place in LIST_PLACES:
        values[place] = tuple(json.loads(values[place]))
    return RunRow(*values)
