import sqlite3
from contextlib import closing, suppress

import pytest
from sqlalchemy import text

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.store import connection as rules
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.runs import add_run, list_runs


def test_every_connection_keeps_the_rules(catalogue: Catalogue) -> None:
    with catalogue.read() as session:
        facts = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("synchronous", "foreign_keys", "trusted_schema")
        }
        mode = session.scalar(text("PRAGMA journal_mode"))
    assert facts == {"synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    assert mode == rules.journal_mode().lower()


def test_a_block_that_fails_leaves_nothing(catalogue: Catalogue, make_spec) -> None:
    add_run(catalogue, make_spec("r1"))
    with suppress(KeyboardInterrupt), catalogue.write() as session:
        session.execute(text("CREATE TABLE half (x)"))
        session.execute(text("DELETE FROM run"))
        raise KeyboardInterrupt
    with catalogue.read() as session:
        assert session.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'half'")) == 0
    assert [row.id for row in list_runs(catalogue)] == ["r1"]


def test_a_writer_takes_the_lock_before_it_reads(home: Home, catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        session.scalar(text("SELECT count(*) FROM run"))
        with closing(sqlite3.connect(home.database, timeout=0, isolation_level=None)) as other:
            assert other.execute("SELECT count(*) FROM run").fetchone() == (0,)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")


def test_a_catalogue_that_stays_busy_is_one_sentence(
    home: Home, make_spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "BUSY_SECONDS", 0.1)
    opened = open_catalogue(home)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="is busy: another program"):
            add_run(opened, make_spec("r1"))
        other.execute("ROLLBACK")
    add_run(opened, make_spec("r1"))
    opened.close()


def test_noise_in_the_middle_of_the_file_is_one_sentence(home: Home, catalogue: Catalogue, make_spec) -> None:
    add_run(catalogue, make_spec("r1"))
    with catalogue.read() as session:
        page = session.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'run'"))
        size = session.scalar(text("PRAGMA page_size"))
    catalogue.close()
    with open(home.database, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    opened = open_catalogue(home)
    with pytest.raises(UserError, match="is damaged: 'promptrec doctor --rebuild' makes a new one"):
        list_runs(opened)
    opened.close()
