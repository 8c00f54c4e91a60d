"""The phases of the attempts of a run: how far each is, and how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from promptrec_tui.runs.events import PhaseEvent
from promptrec_tui.runs.phases import PHASES
from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue

Row = dict[str, Any]
Rows = dict[tuple[int, str], Row]
"""Rows of the table `phase`, by attempt and part."""


@dataclass(frozen=True)
class PhaseRow:
    """One phase of an attempt; `part` is the id of `runs.phases`.

    `times`: how often it was begun. `seconds`: of its stretches that are over; the present one lasts since
    `began` (epoch seconds; None when there is none), and its last event was at `last`.
    """

    part: str
    times: int
    seconds: float
    began: float | None
    last: float
    done: int | None
    total: int | None
    message: str


COLUMNS = [getattr(tables.Phase, field.name) for field in fields(PhaseRow)]


def phases_of(catalogue: Catalogue, run_id: str, attempt: int) -> list[PhaseRow]:
    """The phases of an attempt of a run, in the order in which they began."""
    phase = tables.Phase
    query = select(*COLUMNS).where(phase.run_id == run_id, phase.attempt == attempt).order_by(phase.seq)
    with catalogue.read() as session:
        return [PhaseRow(*row) for row in session.execute(query)]


def rows_so_far(session: Session, run_id: str) -> Rows:
    """The rows of the run's last attempt, to be followed further."""
    phase = tables.Phase
    newest = select(func.max(phase.attempt)).where(phase.run_id == run_id).scalar_subquery()
    query = select(*phase.__table__.columns).where(phase.run_id == run_id, phase.attempt == newest)
    return {(row.attempt, row.part): dict(row._mapping) for row in session.execute(query)}


def follow(rows: Rows, key: Mapping[str, Any], event: PhaseEvent, time: float) -> None:
    """Bring `rows`, those of the run so far, up to an event; `key` has its run_id, attempt and seq.

    A stretch ends when another phase begins, and where the count begins anew: its speed is that of one kind
    of work.
    """
    attempt, part = key["attempt"], event.part or ""
    if part not in PHASES:
        return  # of an earlier version, or of a later one
    row = rows.get((attempt, part))
    # A log that is read again from its beginning comes to the first event of each phase again.
    if row is None or key["seq"] <= row["seq"]:
        row = rows[attempt, part] = {**key, "part": part, "times": 0, "seconds": 0.0, "began": None}
        row |= {"last": time, "done": None, "total": None}
    going = row["began"] is not None
    anew = event.total != row["total"] or (event.done or 0) < (row["done"] or 0)
    if not going or anew:
        end_stretch(rows, attempt, time)
        row["times"] += not going
        row["began"] = time
    row |= {"last": time, "done": event.done, "total": event.total, "message": event.message}


def end_stretch(rows: Rows, attempt: int, time: float) -> None:
    """The phase of an attempt that is going on, if there is one, ends."""
    for (its_attempt, _), row in rows.items():
        if its_attempt == attempt and row["began"] is not None:
            row["seconds"] += max(0.0, time - row["began"])
            row["began"] = None
