import shutil
import subprocess
import sys
import time

import pytest

from promptrec_tui.errors import UserError
from promptrec_tui.home import Home
from promptrec_tui.store import app_lock, schema
from promptrec_tui.store.app_lock import exclusive_lock, share, try_exclusive_lock
from promptrec_tui.store.engine import Catalogue, open_catalogue
from promptrec_tui.store.runs import list_runs

OPENED = """
import sys
from promptrec_tui.home import find_home
from promptrec_tui.store.engine import open_catalogue
catalogue = open_catalogue(find_home())
print("open", flush=True)
sys.stdin.read()
catalogue.close()
"""


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_lock, "PATIENCE", 0.1)


def test_many_share_the_lock_and_one_has_it_alone(home: Home) -> None:
    first, second = share(home), share(home)
    assert try_exclusive_lock(home) is None
    first.release()
    assert try_exclusive_lock(home) is None
    second.release()
    lock = exclusive_lock(home, "it can be tested")
    with pytest.raises(UserError, match="open: close it, so that it can be tested"):
        exclusive_lock(home, "it can be tested")
    lock.release()


def test_an_open_catalogue_holds_its_share_until_it_is_closed(home: Home, catalogue: Catalogue) -> None:
    assert try_exclusive_lock(home) is None
    catalogue.close()
    lock = try_exclusive_lock(home)
    assert lock is not None
    lock.release()


def test_nothing_is_migrated_under_another_program(seeded: Home, next_version) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OPENED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "open\n"
    before = schema.read_version(seeded.database)
    with pytest.raises(UserError, match=r"Another promptrec has .* open: close it.*Runs go on\."):
        schema.bring_up_to_date(seeded, next_version())
    assert schema.read_version(seeded.database) == before
    assert list(seeded.backups.iterdir()) == []
    other.communicate("")
    schema.bring_up_to_date(seeded, next_version())
    assert schema.read_version(seeded.database) == "9999"


def test_a_program_that_was_killed_holds_no_share(home: Home) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OPENED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    other.stdout.readline()
    assert try_exclusive_lock(home) is None
    other.kill()
    other.wait()
    lock = try_exclusive_lock(home, 5)
    assert lock is not None
    lock.release()


def test_an_opening_waits_for_the_end_of_a_migration(home: Home) -> None:
    lock = exclusive_lock(home, "it can be tested")
    other = subprocess.Popen(
        [sys.executable, "-c", OPENED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    time.sleep(1)
    assert not home.database.exists()
    lock.release()
    assert other.communicate("")[0] == "open\n"


def test_a_home_that_vanished_is_one_sentence(home: Home) -> None:
    shutil.rmtree(home.root)
    with pytest.raises(UserError, match="cannot be opened for writing"):
        list_runs(open_catalogue(home))
