"""The catalogue and the event log: killed writers, held locks, damaged lines (rows 17, 18, 27 to 30)."""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.moments import while_training
from benchmarks.faults.oracle import (
    START_RUN,
    check_catalogue,
    check_finished,
    check_integrity,
    command,
    refusal,
)
from benchmarks.faults.places import BrokenError, Place
from benchmarks.faults.run_under_test import (
    begin,
    catalogue,
    look,
    resume,
    strike,
    until,
    wait_for_rest,
)
from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.store import schema

WRITER = """
from dataclasses import replace
from promptrec_tui.home import find_home
from promptrec_tui.prompts.library import builtin_templates
from promptrec_tui.store.engine import open_catalogue
from promptrec_tui.store.templates import add_template
catalogue, number = open_catalogue(find_home()), 0
template = replace(builtin_templates()[0], name="killed")
while True:
    row = add_template(catalogue, replace(template, prompt=f"{template.prompt} {number}"))
    number = row.version
    print(row.version, flush=True)
"""

TEMPLATE = """
name = "mine"
prompt = "{{ history[-1].title }}"
completion = "{{ item.title }}"
"""

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("run", sa.Column("later", sa.String(), nullable=False, server_default="none"))
"""


def writer_killed(case: Case) -> Tally:
    """SIGKILL to a process that saves templates as fast as it can."""
    database = case.place.home.database
    query = "SELECT max(version) FROM template WHERE name = 'killed'"
    total = 0
    for _ in range(case.blows):
        writer = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        time.sleep(case.chance.uniform(0, 0.3))
        writer.kill()
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        writer.wait()
        check_integrity(database)
        with closing(sqlite3.connect(database)) as connection:
            (total,) = connection.execute(query).fetchone()
        if total < acknowledged:
            raise BrokenError(f"Version {acknowledged} was acknowledged, {total} is the last one there.")
    return Tally(case.blows, f"{total} acknowledged rows, none lost")


def locked(case: Case) -> Tally:
    """Another process holds the write lock: reads work, writes report it, and training continues."""
    patient = begin(case.place.home)
    template = case.place.folder / "mine.toml"
    template.write_text(TEMPLATE)
    while_training(patient, case.chance)
    with closing(sqlite3.connect(case.place.home.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        before = len(patient.seen)
        if patient.folder.id not in command(case.place, "run", "list", "--json"):
            raise BrokenError("Under a held lock `promptrec run list` does not show the run.")
        said = refusal(case.place, "template", "save", str(template))
        if "busy" not in said:
            raise BrokenError(f"A held lock is told as: {said}")
        until(lambda: look(patient) or len(patient.seen) > before, "An event under the lock")
        holder.execute("ROLLBACK")
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    return Tally(1, said)


def torn_events(case: Case) -> Tally:
    """The log is cut in the middle of its last line; later its tail is there twice, and is read from 0."""
    patient = begin(case.place.home)
    while_training(patient, case.chance)
    strike(patient, "trainer")
    wait_for_rest(patient)
    events = patient.folder.events
    data = events.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    events.write_bytes(data[: case.chance.randrange(last + 1, len(data) - 1)])
    patient.seen, patient.events = data[:last], []
    with catalogue(case.place.home):
        pass
    resume(patient)
    wait_for_rest(patient)
    patient.seen, patient.events = b"", []
    look(patient)
    check_finished(case.place, patient, case.twin)
    whole = events.read_bytes()
    events.write_bytes(whole + b"".join(whole.splitlines(keepends=True)[-5:]))
    with closing(sqlite3.connect(case.place.home.database)) as connection:
        connection.execute("UPDATE run SET offset = 0, seen = ''")
        connection.commit()
    check_catalogue(case.place, patient)
    return Tally(2)


def upgraded(case: Case) -> Tally:
    """The catalogue is migrated from its first schema to the present one while the run trains."""
    patient = begin(case.place.home)
    while_training(patient, case.chance)
    home = case.place.home
    old = _migrations(case.place, keep=1)
    home.database.unlink()
    schema.bring_up_to_date(home, old)
    first = schema.read_version(home.database)
    with catalogue(home):
        second = schema.read_version(home.database)
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    return Tally(1, f"tables {first} to {second}")


def newer(case: Case) -> Tally:
    """A catalogue of a later version: read as far as possible, never written, and reported."""
    home = case.place.home
    schema.bring_up_to_date(home, _migrations(case.place, keep=99))
    before = home.database.read_bytes()
    said = command(case.place, *START_RUN, status=1).strip().splitlines()[-1]
    if "newer" not in said:
        raise BrokenError(f"A newer catalogue is told as: {said}")
    command(case.place, "run", "list")
    if home.database.read_bytes() != before:
        raise BrokenError("The newer catalogue was changed.")
    return Tally(1, said)


def damaged(case: Case) -> Tally:
    """Noise over five pages of the catalogue: one sentence, and all runs come back from their folders."""
    home = case.place.home
    patient = begin(home)
    wait_for_rest(patient)
    with catalogue(home):
        pass
    before = _rows(home)
    data = bytearray(home.database.read_bytes())
    data[4096:24576] = case.chance.randbytes(20480)
    home.database.write_bytes(data)
    said = refusal(case.place, "template", "list")
    if "damaged" not in said:
        raise BrokenError(f"A damaged catalogue is told as: {said}")
    command(case.place, "doctor", "--rebuild")
    if _rows(home) != before:
        raise BrokenError("The rows that came back are others.")
    check_finished(case.place, patient, case.twin)
    return Tally(1, said)


def _rows(home: Home) -> list[list[tuple[object, ...]]]:
    queries = [
        "SELECT id, name, state, reason, step, best_step FROM run ORDER BY id",
        "SELECT * FROM metric ORDER BY 1, 2, 3, 4",
        "SELECT * FROM evaluation ORDER BY 1, 2, 3, 4, 5",
        "SELECT * FROM preview ORDER BY 1, 2, 3, 4",
    ]
    with closing(sqlite3.connect(home.database)) as connection:
        return [connection.execute(query).fetchall() for query in queries]


def _migrations(place: Place, keep: int) -> Path:
    """The migrations with their first `keep` versions only, or, if that is all of them, with one more."""
    folder = place.folder / "migrations"
    shutil.copytree(resource("migrations"), folder)
    known = schema.known_versions(folder)
    for version in known[keep:]:
        for path in (folder / "versions").glob(f"{version}_*.py"):
            path.unlink()
    if keep >= len(known):
        (folder / "versions" / "9999_later.py").write_text(NEXT.format(newest=known[-1]))
    return folder
