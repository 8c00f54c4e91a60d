import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.store import schema
from promptrec_tui.store.connection import connect_to, journal_mode
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.runs import add_run, list_runs
from promptrec_tui.store.tables import Base

OPEN = """
from promptrec_tui.home import find_home
from promptrec_tui.store.engine import open_catalogue
open_catalogue(find_home()).close()
"""

NEWEST = schema.known_versions(resource("migrations"))[-1]

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("run", recreate="always") as run:
        run.add_column(sa.Column("note", sa.String(), nullable=False, server_default="none"))
    {last}
"""


@pytest.fixture
def next_version(tmp_path: Path):
    """Migrations with one more version, which rebuilds the table `run`; `last` is its last line."""

    def make(last: str = "") -> Path:
        folder = tmp_path / "migrations"
        shutil.copytree(resource("migrations"), folder, dirs_exist_ok=True)
        (folder / "versions" / "9999_next.py").write_text(NEXT.format(last=last, newest=NEWEST))
        return folder

    return make


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def seeded(home: Home, catalogue: Catalogue, make_spec) -> Home:
    """A home with a run that has a row in every table of its own."""
    add_run(catalogue, make_spec("r1"))
    catalogue.close()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("INSERT INTO metric VALUES ('r1', 1, 1, 'train_loss', 5, 0.5)")
        connection.execute(
            "INSERT INTO preview VALUES ('r1', 1, 2, 0, 'u', 'before', 0, '[]', 't', 1.0, '[]')"
        )
        connection.execute("INSERT INTO evaluation VALUES ('r1', 1, 3, 'test', 'tuned', 5, 9, '{}', '{}')")
        connection.execute("INSERT INTO warning VALUES ('r1', 1, 4, 'careful')")
        connection.commit()
    return home


CHILDREN = ("metric", "preview", "evaluation", "warning")


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
    assert rows(seeded.database, "SELECT id, note FROM run") == [("r1", "none")]
    assert [rows(seeded.database, f"SELECT count(*) FROM {table}") for table in CHILDREN] == [[(1,)]] * 4
    (copy,) = seeded.backups.iterdir()
    assert schema.read_version(copy) == NEWEST
    assert rows(copy, "SELECT id, name FROM run") == [("r1", "run r1")]
    assert copy.stat().st_mode & 0o077 == 0


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


def test_a_newer_catalogue_is_refused(seeded: Home, next_version) -> None:
    schema.bring_up_to_date(seeded, next_version())
    with pytest.raises(UserError, match=rf"newer promptrec \(tables 9999; this one knows {NEWEST}\)"):
        open_catalogue(seeded)


def test_a_file_that_is_no_database_is_named(home: Home) -> None:
    home.database.write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(UserError, match="is damaged: move it away"):
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
