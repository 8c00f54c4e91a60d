import sqlite3
from pathlib import Path

import pytest

from promptrec_tui.store import connection, mounts
from promptrec_tui.store.mounts import network_type, type_of

TABLE = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,nosuid shared:9 master:2 - nfs4 server:/export/home rw,vers=4.2
31 30 0:41 / /home/ann/my\040disk rw - xfs /dev/sdb1 rw
32 22 0:42 / /mnt rw - ext4 /dev/sdc1 rw
33 22 0:43 / /mnt rw - fuse.sshfs ann@far:/ rw
a line of another kind
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/home/ann/promptrec", "nfs4"),
        ("/home/ann/my disk/promptrec", "xfs"),
        ("/home/ann/my diskette", "nfs4"),
        ("/homeless", "ext4"),
        ("/mnt/x", "fuse.sshfs"),
    ],
)
def test_the_longest_mount_point_says_the_type_and_the_last_one_covers_others(path: str, kind: str) -> None:
    assert type_of(TABLE, Path(path)) == kind


def test_nothing_is_said_without_a_table() -> None:
    assert type_of("", Path("/home")) == ""


@pytest.fixture
def on_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files seem to lie on a file system over the network."""
    table = tmp_path / "mountinfo"
    table.write_text("22 1 8:1 / / rw - nfs server:/ rw\n")
    monkeypatch.setattr(mounts, "MOUNTINFO", table)


CURED = (3, 51, 3)


def test_wal_is_used_where_it_works(tmp_path: Path) -> None:
    assert connection.best_mode(tmp_path / "x.db", CURED) == "WAL"
    assert connection.best_mode(tmp_path / "x.db", (3, 40, 1)) == "TRUNCATE"
    assert list(tmp_path.iterdir()) == [], "the probe is gone"


def test_wal_is_never_used_over_a_network(tmp_path: Path, on_network: None) -> None:
    assert network_type(tmp_path) == "nfs"
    assert connection.best_mode(tmp_path / "x.db", CURED) == "TRUNCATE"


def test_wal_that_fails_at_its_first_write_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(sqlite3.Connection):
        """Takes the mode, as some file systems do, and no writes in it."""

        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if sql.startswith("CREATE"):
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *parameters)

    monkeypatch.setattr(connection.sqlite3, "connect", lambda path: Refusing(path))
    assert connection.best_mode(tmp_path / "x.db", CURED) == "TRUNCATE"
