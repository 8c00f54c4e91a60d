"""Updates the catalogue from the run folders: reads what is new in them since the last time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from promptrec_tui.clock import now
from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.runs.damage import damage
from promptrec_tui.runs.event_log import scan
from promptrec_tui.runs.folder import RunFolder, is_run
from promptrec_tui.runs.label import Label, read_label
from promptrec_tui.runs.report import Report
from promptrec_tui.runs.spec import RunSpec
from promptrec_tui.runs.states import ACTIVE, State
from promptrec_tui.runs.status import Status, run_status
from promptrec_tui.store import tables
from promptrec_tui.store.engine import Catalogue, RoomMadeError
from promptrec_tui.store.event_rows import gather
from promptrec_tui.store.phases import rows_so_far
from promptrec_tui.store.runs import blank_record, describe, label_record
from promptrec_tui.typed import read

SPARKS = 24
"""Points of the small loss curve in the list of runs."""

BATCH = 50
"""Folders whose changes are stored in one transaction; each transaction waits for the disk."""

PATIENCE = 2.0
"""Seconds to wait for another program that writes; what is not stored now is read again later."""

UNREAD = "?"
"""`seen` of a folder that could not be read: no fingerprint equals it, so the folder is read again."""

KNOWN = (
    tables.Run.id,
    tables.Run.method,
    tables.Run.state,
    tables.Run.reason,
    tables.Run.attempt,
    tables.Run.stalled,
    tables.Run.seen,
)
Known = Row[str, str, str, str, int, bool, str]


@dataclass(frozen=True)
class News:
    """A changed folder: its fingerprint, its status, its label, and its spec if the catalogue lacks it."""

    folder: RunFolder
    seen: str
    status: Status
    label: Label
    spec: RunSpec | None


def ingest(home: Home, catalogue: Catalogue) -> int:
    """Store what is new in every run folder and return the number of events read.

    An unchanged folder costs seven `stat` calls. A folder that cannot be read does not stop the others: the
    reason of its run says why. Several processes may do this at once. A catalogue that is open for reading
    only is left as it is. Raises UserError when the catalogue cannot be written, BusyError when another
    program has locked it.
    """
    if catalogue.read_only:
        return 0
    with catalogue.read() as session:
        known = {row.id: row for row in session.connection().execute(select(*KNOWN))}
    here: set[str] = set()
    news = _all_news(home, catalogue, known, here)
    read = 0
    while batch := list(islice(news, BATCH)):
        try:
            read += _store_all(catalogue, known, batch)
        except RoomMadeError:
            read += _store_all(catalogue, known, batch)
    # A run without `seen` was added a moment ago, and its folder was not read yet: it is not gone.
    if gone := [row.id for row in known.values() if row.seen and row.id not in here]:
        with catalogue.write(PATIENCE) as session:
            session.execute(delete(tables.Run).where(tables.Run.id.in_(gone)))
    return read


def _all_news(home: Home, catalogue: Catalogue, known: dict[str, Known], here: set[str]) -> Iterator[News]:
    """The changes of every folder that has some; adds the names of all run folders to `here`."""
    for name in _names(home):
        path = f"{home.runs}/{name}"
        # The fingerprint comes first, so that what is written meanwhile changes it for the next time; the
        # status comes before the events, so that no run is listed as done without its last events.
        row = known.get(name)
        if row and row.state not in ACTIVE and row.seen == _fingerprint(path, row.attempt):
            here.add(name)
            continue
        folder = RunFolder(Path(path))
        if not is_run(folder):
            continue
        here.add(name)
        try:
            seen = _fingerprint(path, folder.last_attempt)
            if news := _news(folder, seen, row):
                yield news
        except OSError as error:
            problem = f"{error.filename or folder.path} cannot be read ({error.strerror})."
            _note_unread(catalogue, folder, row, problem)
        except (ValueError, UserError) as error:
            _note_unread(catalogue, folder, row, str(error))


def _names(home: Home) -> list[str]:
    """The names in the folder of runs, without unfinished folders and names that cannot be printed."""
    with os.scandir(home.runs) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
    return sorted(name for name in names if name.isprintable())


def _news(folder: RunFolder, seen: str, known: Known | None) -> News | None:
    """None when the catalogue is up to date. What cannot be read comes first in the reason."""
    status = run_status(folder)
    if status.state not in ACTIVE and (damaged := damage(folder)):
        status = replace(status, reason=" ".join(part for part in (damaged[0], status.reason) if part))
    if known is None or known.seen != seen:
        spec = None if known and known.method else folder.spec()
        return News(folder, seen, status, read_label(folder), spec)
    same = status == Status(State(known.state), known.reason, known.attempt, known.stalled)
    return None if same else News(folder, seen, status, read_label(folder), None)


def _store_all(catalogue: Catalogue, known: dict[str, Known], batch: list[News]) -> int:
    """Store the changes of several folders in one transaction, except those whose events cannot be read."""
    read = 0
    unread: list[tuple[RunFolder, str]] = []
    with catalogue.write(PATIENCE) as session:
        for news in batch:
            try:
                with session.begin_nested():
                    read += _store(session, news)
            except OSError as error:
                unread.append((news.folder, f"{news.folder.events} cannot be read ({error.strerror})."))
            except DatabaseError:
                raise
            except Exception as error:
                # One folder with an unexpected fault must not hide the others.
                sentence = f"{news.folder.path} cannot be listed ({type(error).__name__}: {error})."
                unread.append((news.folder, sentence))
    for folder, why in unread:
        _note_unread(catalogue, folder, known.get(folder.id), why)
    return read


def _store(session: Session, news: News) -> int:
    """Store the new events of a folder, the values that follow from them, and how far the log was read."""
    folder = news.folder
    run = session.get(tables.Run, folder.id)
    if news.spec:
        run = run or blank_record(folder.id, "", news.spec.created)
        describe(run, news.spec)
    if run is None:
        return 0  # deleted a moment ago by another process
    if name := news.label.name or (news.spec.name if news.spec else ""):
        run.name = _free_name(session, name, folder.id)
    label_record(run, news.label)
    session.add(run)
    scanned = scan(folder.events, run.offset)
    run.offset = scanned.offset
    gathered = gather(run.id, scanned.records, run.best_value, lambda: rows_so_far(session, folder.id))
    if scanned.damaged:
        message = f"{folder.events} has damaged lines: they are left out."
        gathered.rows["warning"].append({"run_id": run.id, "attempt": 0, "seq": 0, "message": message})
    session.flush()
    for table, rows in gathered.rows.items():
        session.execute(insert(tables.Base.metadata.tables[table]).prefix_with("OR REPLACE"), rows)
    for name, value in gathered.run.items():
        setattr(run, name, value)
    if "metric" in gathered.rows:
        run.sparkline = _sparkline(session, run.id)
    run.state, run.reason = news.status.state, news.status.reason
    run.attempt, run.stalled, run.seen = news.status.attempt, news.status.stalled, news.seen
    report = read(Report, folder.report) or Report()
    run.test_value = (report.metrics.after or {}).get(run.best_metric)
    run.test_users = report.users
    return len(scanned.records)


def _free_name(session: Session, name: str, run_id: str) -> str:
    """`name`, followed by the run's id when another run has that name (as after copying a folder)."""
    with session.no_autoflush:
        taken = session.scalar(select(tables.Run.id).where(tables.Run.name == name, tables.Run.id != run_id))
    return f"{name} ({run_id})" if taken else name


def _note_unread(catalogue: Catalogue, folder: RunFolder, known: Known | None, reason: str) -> None:
    if known and known.reason == reason:
        return
    with catalogue.write(PATIENCE) as session:
        run = session.get(tables.Run, folder.id)
        if run is None:
            run = blank_record(folder.id, _free_name(session, folder.id, folder.id), now())
            session.add(run)
        if not run.task:
            run.state = State.FAILED
        run.reason, run.seen = reason, UNREAD


def _fingerprint(path: str, attempt: int) -> str:
    """A fingerprint of a folder, without reading files. It changes with every event, request, attempt and
    label, and with the files that tell how the last known `attempt` ended."""
    parts = ("run.json", "label.json", "events.jsonl", "queue.json", "attempts")
    ends = (f"attempts/{attempt}/exit.json", "result/report.json")
    return " ".join([_stamp(f"{path}/{part}") for part in (*parts, *ends)])


def _stamp(path: str) -> str:
    # Called for ten thousand folders each second: a Path would be too slow.
    try:
        facts = os.stat(path)  # noqa: PTH116
    except OSError:
        return "-"
    return f"{facts.st_ino}.{facts.st_size}.{facts.st_mtime_ns}"


def _sparkline(session: Session, run_id: str) -> list[float]:
    """The training loss as at most `SPARKS` means over equal ranges of steps."""
    metric = tables.Metric
    loss = (metric.run_id == run_id, metric.name == "train_loss", metric.value.is_not(None))
    last = session.scalar(select(func.max(metric.step)).where(*loss)) or 0
    bucket = metric.step * SPARKS // (last + 1)
    means = select(func.avg(metric.value)).where(*loss).group_by(bucket).order_by(bucket)
    return list(session.scalars(means))
