"""Bringing the catalogue up to what the run folders say. The folders are the truth; this can start from nothing."""

from pathlib import Path

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.orm import Session

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.events import read_events
from promptrec_tui.runs.folder import RunFolder, run_folders
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import ACTIVE
from promptrec_tui.runs.status import Status, run_status
from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue
from promptrec_tui.store.harvest import gather
from promptrec_tui.store.runs import record_of

SPARKS = 24
"""Points of the small loss curve in the list of runs."""

UNREAD = "?"
"""What `seen` says of a folder that could not be read: no folder looks like this, so it is tried again."""


def ingest(home: Home, catalogue: Catalogue) -> int:
    """Read what is new in every run folder; answers the number of events read.

    Costs three `stat` calls for a folder in which nothing happens. A folder that cannot be read says so as the
    reason of its run and stops no other. Any number of processes may do this at once.
    Raises UserError when the catalogue itself cannot be written.
    """
    with catalogue.read() as session:
        known = {row.id: row for row in session.execute(select(*_KNOWN))}
    folders = run_folders(home)
    read = sum(_ingest_folder(catalogue, folder, known.get(folder.id)) for folder in folders)
    # A run that was listed a moment ago and has not been seen in its folder yet is none of the vanished.
    here = {folder.id for folder in folders}
    if gone := [row.id for row in known.values() if row.seen and row.id not in here]:
        with catalogue.write() as session:
            session.execute(delete(tables.Run).where(tables.Run.id.in_(gone)))
    return read


_KNOWN = (
    tables.Run.id,
    tables.Run.task,
    tables.Run.state,
    tables.Run.reason,
    tables.Run.stalled,
    tables.Run.attempt,
    tables.Run.seen,
)
_Known = Row[str, str, str, str, bool, int, str]


def _ingest_folder(catalogue: Catalogue, folder: RunFolder, known: _Known | None) -> int:
    try:
        # Taken before anything is read: what is written meanwhile makes the folder look changed next time.
        seen = _look(folder)
        unchanged = known is not None and known.seen == seen
        if known and unchanged and known.state not in ACTIVE:
            return 0
        status = run_status(folder)
        if (
            known
            and unchanged
            and (known.state, known.reason, known.stalled, known.attempt)
            == (
                status.state,
                status.reason,
                status.stalled,
                status.attempt,
            )
        ):
            return 0
        spec = None if known and known.task else folder.spec()
    except (OSError, ValueError, UserError) as error:
        _note_unread(catalogue, folder, known, error)
        return 0
    try:
        with catalogue.write() as session:
            return _write(session, folder, spec, status, seen)
    except OSError as error:
        _note_unread(catalogue, folder, known, error)
        return 0


def _write(session: Session, folder: RunFolder, spec: RunSpec | None, status: Status, seen: str) -> int:
    """Store the new events, what they add up to, and how far they were read, in one transaction."""
    run = session.get(tables.Run, folder.id)
    if spec and (run is None or not run.task):
        run = session.merge(record_of(spec, folder.id, _free_name(session, spec.name, folder.id)))
    if run is None:
        return 0  # deleted a moment ago by another process
    events, run.offset = read_events(folder.events, run.offset)
    harvest = gather(run.id, events, run.ndcg)
    session.flush()
    for table, rows in harvest.rows.items():
        session.execute(insert(tables.Base.metadata.tables[table]).prefix_with("OR REPLACE"), rows)
    for name, value in harvest.run.items():
        setattr(run, name, value)
    if "metric" in harvest.rows:
        run.sparkline = _sparkline(session, run.id)
    run.state, run.reason, run.stalled, run.attempt = (
        status.state,
        status.reason,
        status.stalled,
        status.attempt,
    )
    run.seen = seen
    return len(events)


def _free_name(session: Session, name: str, run_id: str) -> str:
    """`name`, or with the run's id after it when another run has it (a copied folder, two programs at once)."""
    taken = session.scalar(select(tables.Run.id).where(tables.Run.name == name, tables.Run.id != run_id))
    return f"{name} ({run_id})" if taken else name


def _note_unread(catalogue: Catalogue, folder: RunFolder, known: _Known | None, error: Exception) -> None:
    reason = (
        str(error)
        if isinstance(error, UserError)
        else f"The run folder {folder.path} cannot be read: {error}."
    )
    if known and known.reason == reason:
        return
    with catalogue.write() as session:
        run = session.get(tables.Run, folder.id)
        if run is None:
            run = tables.Run(**_BLANK, id=folder.id, name=_free_name(session, folder.id, folder.id))
            session.add(run)
        run.reason, run.seen = reason, UNREAD


def _look(folder: RunFolder) -> str:
    """What a folder looks like from outside; it changes with every event, request and attempt."""
    return " ".join(_stamp(path) for path in (folder.events, folder.queue_file, folder.path / "attempts"))


def _stamp(path: Path) -> str:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return "-"
    return f"{facts.st_ino}.{facts.st_size}.{facts.st_mtime_ns}"


def _sparkline(session: Session, run_id: str) -> list[float]:
    """The training loss as at most `SPARKS` means over equal stretches of steps."""
    loss = (
        tables.Metric.run_id == run_id,
        tables.Metric.name == "train_loss",
        tables.Metric.value.is_not(None),
    )
    last = session.scalar(select(func.max(tables.Metric.step)).where(*loss))
    stretch = tables.Metric.step * SPARKS // ((last or 0) + 1)
    means = select(func.avg(tables.Metric.value)).where(*loss).group_by(stretch).order_by(stretch)
    return list(session.scalars(means))
