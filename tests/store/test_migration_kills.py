"""A migration that is killed at each of its statements, by a real signal to a real process."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from promptrec_tui.home import Home
from promptrec_tui.resources import resource
from promptrec_tui.store import schema

CHILDREN = ("dataset", "template", "model", "run", "metric", "preview", "evaluation", "warning")

SEEDS = (
    "INSERT INTO dataset (id, name, file, sha256, source, format, users, items, interactions, examples, "
    "rejected, warnings, created) VALUES ('d', 'films', 'f', 'x', 's', 'csv', 1, 1, 1, 0, 0, '[]', 'now')",
    "INSERT INTO template (id, name, version, task, language, prompt, completion, sha256, builtin, created) "
    "VALUES ('t', 'list', 1, 'next_item', 'any', 'p', 'c', 'x', 0, 'now')",
    "INSERT INTO model VALUES ('m', 'tiny', '/m', 'x', 'qwen3', 'qwen3', 1, 0, 's', 'now')",
    "INSERT INTO run (id, name, dataset, template, model, task, created, updated, state, reason, stalled, "
    "attempt, phase, step, sparkline, offset, seen) VALUES ('r1', 'one', 'films', 'list', 'tiny', "
    "'next_item', 'now', 'now', 'done', '', 0, 1, '', 5, '[]', 9, 'x')",
    "INSERT INTO metric VALUES ('r1', 1, 1, 'train_loss', 5, 0.5)",
    "INSERT INTO preview VALUES ('r1', 1, 2, 0, 'u', 'before', 0, '[]', 't', 1.0, '[]')",
    "INSERT INTO evaluation VALUES ('r1', 1, 3, 'test', 'tuned', 5, 9, '{}', '{}')",
    "INSERT INTO warning VALUES ('r1', 1, 4, 'careful')",
)


def killed_at(statement: int, home: Home, migrations: Path) -> bool:
    """Migrate in a process that kills itself before that statement; False when it came to the end before."""
    child = os.fork()
    if not child:
        left = iter(range(statement))

        def count(_statement: str) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        @event.listens_for(Engine, "connect")
        def trace(connection: sqlite3.Connection, _record: object) -> None:
            connection.set_trace_callback(count)

        try:
            schema.bring_up_to_date(home, migrations)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def facts(database: Path) -> tuple[str | None, bool, list[int]]:
    """The version of a file, whether it is sound, and the rows of each table."""
    version = schema.read_version(database)
    with closing(sqlite3.connect(database)) as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sound &= not connection.execute("PRAGMA foreign_key_check").fetchall()
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in CHILDREN]
    return version, sound, counts


@pytest.fixture
def first_tables(home: Home, tmp_path: Path) -> Path:
    """A catalogue with the first tables there ever were, and a row in each."""
    folder = tmp_path / "first"
    shutil.copytree(resource("migrations"), folder)
    for path in sorted((folder / "versions").glob("[0-9]*_*.py"))[1:]:
        path.unlink()
    schema.bring_up_to_date(home, folder)
    with closing(sqlite3.connect(home.database)) as connection, connection:
        for seed in SEEDS:
            connection.execute(seed)
    kept = tmp_path / "kept.db"
    shutil.copy(home.database, kept)
    return kept


def test_a_migration_that_is_killed_leaves_the_old_tables_or_the_new_ones(
    home: Home, first_tables: Path, next_version
) -> None:
    migrations = next_version()
    before = facts(first_tables)
    assert before[2] == [1] * len(CHILDREN)
    seen, statement = set(), 0
    while True:
        home.database.unlink()
        shutil.copy(first_tables, home.database)
        killed = killed_at(statement, home, migrations)
        version, sound, counts = facts(home.database)
        assert version in (before[0], "9999"), statement
        assert sound, statement
        assert counts == before[2], f"rows were lost at statement {statement}"
        seen.add(version)
        if not killed:
            break
        statement += 1
    assert seen == {before[0], "9999"}
    assert statement > 30, "from the first pragma to the commit"
    schema.bring_up_to_date(home, migrations)
    assert facts(home.database) == ("9999", True, before[2])
