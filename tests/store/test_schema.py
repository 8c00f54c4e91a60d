import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.store import schema
from promptrec_tui.store.connection import connect_to, journal_mode
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.runs import add_run, list_runs
from promptrec_tui.store.series import metric_series
from promptrec_tui.store.tables import Base

OPEN = """
from promptrec_tui.home import find_home
from promptrec_tui.store.engine import open_catalogue
open_catalogue(find_home()).close()
"""

NEWEST = schema.known_versions(resource("migrations"))[-1]


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


CHILDREN = ("metric", "moment", "phase", "checkpoint", "preview", "evaluation", "warning")


def test_migrations_make_the_tables_that_the_code_describes(home: Home, catalogue: Catalogue) -> None:
    engine = connect_to(home.database)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_a_current_catalogue_opens_without_alembic(home: Home, catalogue: Catalogue) -> None:
    code = f"import sys\n{OPEN}\nsys.exit('alembic' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_programs_that_start_at_once_on_a_fresh_home_all_succeed(home: Home) -> None:
    started = [subprocess.Popen([sys.executable, "-c", OPEN]) for _ in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    assert rows(home.database, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert list(home.backups.iterdir()) == []


def test_an_older_catalogue_is_copied_and_then_migrated_with_its_rows(seeded: Home, next_version) -> None:
    schema.bring_up_to_date(seeded, next_version())
    assert schema.read_version(seeded.database) == "9999"
    assert rows(seeded.database, "SELECT id, remark FROM run") == [("r1", "none")]
    assert [rows(seeded.database, f"SELECT count(*) FROM {table}") for table in CHILDREN] == [[(1,)]] * len(
        CHILDREN
    )
    (copy,) = seeded.backups.iterdir()
    assert schema.read_version(copy) == NEWEST
    assert rows(copy, "SELECT id, name FROM run") == [("r1", "run r1")]
    assert copy.stat().st_mode & 0o077 == 0


def test_the_best_value_of_older_runs_is_that_of_their_ndcg(home: Home, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(resource("migrations"), older)
    for version in ("0003_leading_metric", "0004_moments", "0005_phases", "0006_labels"):
        (older / "versions" / f"{version}.py").unlink()
    schema.bring_up_to_date(home, older)
    with closing(sqlite3.connect(home.database)) as connection:
        empty = dict.fromkeys(
            (
                [
                    "name",
                    "dataset",
                    "template",
                    "model",
                    "task",
                    "created",
                    "updated",
                    "state",
                    "reason",
                    "seen",
                    "phase",
                ]
            ),
            "",
        )
        numbers = dict.fromkeys(["stalled", "attempt", "step", "offset"], 0)
        for run, ndcg in (("a", 0.25), ("b", None)):
            row = {**empty, **numbers, "id": run, "name": run, "ndcg": ndcg, "sparkline": "[]"}
            places = ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO run ({', '.join(row)}) VALUES ({places})", row)
        connection.execute("INSERT INTO metric VALUES ('a', 1, 1, 'ndcg@20', 5, 0.25)")
        connection.commit()
    schema.bring_up_to_date(home)
    runs = rows(home.database, "SELECT id, best_metric, best_value FROM run ORDER BY id")
    assert runs == [("a", "ndcg@20", 0.25), ("b", "", None)]


@pytest.mark.parametrize("last", ["op.execute('SELECT * FROM nowhere')", "op.execute('DELETE FROM run')"])
def test_a_migration_that_fails_changes_nothing(seeded: Home, next_version, last: str) -> None:
    with pytest.raises(UserError, match="nothing was changed, and a copy lies in"):
        schema.bring_up_to_date(seeded, next_version(last))
    assert schema.read_version(seeded.database) == NEWEST
    opened = open_catalogue(seeded)
    assert [row.id for row in list_runs(opened)] == ["r1"]
    opened.close()


def test_only_the_newest_copies_are_kept(seeded: Home, next_version) -> None:
    for number in range(7):
        (seeded.backups / f"promptrec-2020010{number}-000000-tables-{NEWEST}.db").touch()
    schema.bring_up_to_date(seeded, next_version())
    kept = sorted(path.name for path in seeded.backups.iterdir())
    assert len(kept) == 5
    assert kept[0].startswith("promptrec-20200103")
    assert schema.read_version(seeded.backups / kept[-1]) == NEWEST


def test_a_newer_catalogue_is_read_and_never_written(seeded: Home, next_version, make_spec, make_run) -> None:
    schema.bring_up_to_date(seeded, next_version())
    before = seeded.database.read_bytes()
    opened = open_catalogue(seeded)
    assert [row.id for row in list_runs(opened)] == ["r1"]
    assert metric_series(opened, "r1", ["train_loss"]) == {"train_loss": [(5, 0.5)]}
    message = rf"newer promptrec \(tables 9999; this one knows {NEWEST}\), so it is open for reading only"
    with pytest.raises(UserError, match=message):
        add_run(opened, make_spec("r2"))
    make_run("r3")
    assert ingest(seeded, opened) == 0
    assert [row.id for row in list_runs(opened)] == ["r1"]
    with opened.read() as session, pytest.raises(OperationalError, match="readonly"):
        session.execute(text("DELETE FROM run"))
    opened.close()
    assert seeded.database.read_bytes() == before


def test_a_newer_catalogue_that_lacks_what_this_program_reads_is_refused(seeded: Home, next_version) -> None:
    schema.bring_up_to_date(seeded, next_version("op.drop_column('warning', 'message')"))
    with pytest.raises(UserError, match=r"this one knows .*: update promptrec, or set PROMPTREC_HOME"):
        open_catalogue(seeded)


def test_without_room_for_a_copy_nothing_is_migrated(
    seeded: Home, next_version, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(seeded.root)
    size = seeded.database.stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=int(2.4 * size)))
    with pytest.raises(UserError, match="no room to bring it up to date: 1 MB are needed, 0 MB are free"):
        schema.bring_up_to_date(seeded, next_version())
    assert schema.read_version(seeded.database) == NEWEST
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=int(2.6 * size)))
    schema.bring_up_to_date(seeded, next_version())


def test_the_newest_good_copy_is_named(seeded: Home, next_version) -> None:
    schema.bring_up_to_date(seeded, next_version())
    (good,) = seeded.backups.iterdir()
    (seeded.backups / f"promptrec-29990101-000000-tables-{NEWEST}.db").write_bytes(b"noise" * 2000)
    seeded.database.write_bytes(b"noise" * 2000)
    with pytest.raises(UserError, match=f"the newest good copy is {good}"):
        open_catalogue(seeded)


def leave_in_the_middle(home: Home) -> None:
    """Be killed in a transaction whose first pages are on the disk already."""
    code = (
        "import os, sqlite3\n"
        f"connection = sqlite3.connect({str(home.database)!r}, isolation_level=None)\n"
        "connection.execute('PRAGMA cache_size = 1')\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "connection.execute('CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
        "SELECT i + 1 FROM n WHERE i < 5000) SELECT i, randomblob(100) FROM n')\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert home.database.with_name("promptrec.db-journal").stat().st_size > 0


def test_a_file_that_a_killed_writer_left_is_looked_over(seeded: Home) -> None:
    leave_in_the_middle(seeded)
    opened = open_catalogue(seeded)
    assert [row.id for row in list_runs(opened)] == ["r1"]
    opened.close()


def test_damage_that_a_killed_writer_left_is_told_at_once(seeded: Home) -> None:
    leave_in_the_middle(seeded)
    with closing(sqlite3.connect(seeded.database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'warning'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    leave_in_the_middle(seeded)
    with open(seeded.database, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    with pytest.raises(UserError, match="is damaged"):
        open_catalogue(seeded)


def test_a_file_that_is_no_database_is_named(home: Home) -> None:
    home.database.write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(UserError, match="is damaged: 'promptrec doctor --rebuild' makes a new one"):
        open_catalogue(home)


def test_an_empty_file_is_a_fresh_catalogue(home: Home) -> None:
    home.database.touch()
    opened = open_catalogue(home)
    assert list_runs(opened) == []
    opened.close()


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "TRUNCATE"),
        ((3, 44, 5), "TRUNCATE"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "TRUNCATE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 2), "TRUNCATE"),
        ((3, 51, 3), "WAL"),
        ((3, 53, 0), "WAL"),
    ],
)
def test_wal_only_without_its_reset_bug(version: tuple[int, int, int], mode: str) -> None:
    assert journal_mode(version) == mode
