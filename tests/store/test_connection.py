import sqlite3
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from promptrec_tui.store import connection
from promptrec_tui.store.connection import network_type

TABLE = [
    ("/", "ext4"),
    ("/home", "nfs4"),
    ("/home/ann/my disk", "xfs"),
    ("/mnt", "ext4"),
    ("/mnt", "fuse.sshfs"),
]


def mounted(monkeypatch: pytest.MonkeyPatch, table: list[tuple[str, str]]) -> None:
    """Let the system report these mount points and types."""
    mounts = [SimpleNamespace(mountpoint=point, fstype=kind) for point, kind in table]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib", ""),
        ("/home/ann/promptrec", "nfs4"),
        ("/home/ann/my disk/promptrec", ""),
        ("/home/ann/my diskette", "nfs4"),
        ("/homeless", ""),
        ("/mnt/x", "fuse.sshfs"),
    ],
)
def test_the_longest_mount_point_decides_and_a_later_one_covers_others(
    path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, TABLE)
    assert network_type(Path(path)) == kind


def test_nothing_is_said_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, [])
    assert network_type(Path("/home")) == ""


def test_the_mounts_of_this_machine_are_found() -> None:
    assert Path("/proc") in {Path(mount.mountpoint) for mount in psutil.disk_partitions(all=True)}
    assert network_type(Path("/proc/self")) == ""


@pytest.fixture
def on_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files seem to be on a network file system."""
    mounted(monkeypatch, [("/", "nfs")])


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
