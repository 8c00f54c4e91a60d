"""What an import that died leaves behind, and what a full disk or a limit makes of one."""

import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from promptrec_tui.datasets import staging
from promptrec_tui.datasets.staging import staging_folder, sweep
from promptrec_tui.home import VARIABLE, Home
from promptrec_tui.workspace.opening import opened

PAUSE = """
import sys, time
from pathlib import Path
from promptrec_tui.datasets.staging import staging_folder
with staging_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("there", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def importing(tmp_path: Path) -> "subprocess.Popen[str]":
    child = subprocess.Popen([sys.executable, "-c", PAUSE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "there\n"
    return child


def test_the_folder_of_a_living_import_stays_and_that_of_a_killed_one_goes(
    importing: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    (folder,) = tmp_path.iterdir()
    try:
        sweep(tmp_path)
        assert (folder / "work" / "half").exists()
    finally:
        importing.kill()
        importing.wait()
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_lost_its_lock_goes_once_nobody_can_be_about_to_make_it(tmp_path: Path) -> None:
    folder = tmp_path / f"{staging.PREFIX}abc"
    (folder / "work").mkdir(parents=True)
    sweep(tmp_path)
    assert folder.exists(), "it may be a moment old"
    old = time.time() - staging.LOCK_SECONDS - 1
    os.utime(folder, (old, old))
    sweep(tmp_path)
    assert not folder.exists()


def test_half_a_file_goes_when_its_pid_is_free_or_of_a_later_process(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "3600"])
    try:
        mine = tmp_path / f".a.sqlite.{os.getpid()}.tmp"
        free = tmp_path / f".b.sqlite.{2**22 + 1}.tmp"
        odd = tmp_path / ".c.sqlite.1x.tmp"
        for file in (mine, free, odd):
            file.touch()
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == [mine, odd]
    finally:
        child.kill()
        child.wait()


def test_what_breaks_while_a_folder_is_taken_away_leaves_it_known_as_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken, pytest.raises(MemoryError), staging_folder(tmp_path):
        broken.setattr("shutil.rmtree", fail)
    assert len(list(tmp_path.glob(".staging-*/lock"))) == 1
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_opening_a_home_sweeps_it(home: Home) -> None:
    folder = home.datasets / f"{staging.PREFIX}abc"
    folder.mkdir()
    (folder / "lock").touch()
    with opened(home):
        assert not folder.exists()


def run_import(home: Home, source: Path, limit: int, size: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "promptrec_tui", "dataset", "import", str(source), "--name", "big"]
    return subprocess.run(
        [*command, "--progress", "none"],
        env={**os.environ, VARIABLE: str(home.root)},
        preexec_fn=lambda: resource.setrlimit(limit, (size, size)),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture
def big(tmp_path: Path) -> Path:
    source = tmp_path / "big.csv"
    rows = (f"user-number-{n % 30_011},item-number-{n % 1_009},{1_500_000_000 + n}\n" for n in range(150_000))
    source.write_text("user_id,item_id,timestamp\n" + "".join(rows))
    return source


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
@pytest.mark.parametrize("size", [300_000, 1_000_000, 4_000_000])
def test_a_limit_of_file_sizes_is_told_in_a_sentence(home: Home, big: Path, size: int) -> None:
    with opened(home):
        pass
    child = run_import(home, big, resource.RLIMIT_FSIZE, size)
    assert child.returncode == 1
    assert "Unexpected" not in child.stderr
    assert child.stderr.startswith("promptrec: Cannot write")
    assert not list(home.datasets.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
@pytest.mark.parametrize("megabytes", [500, 700, 900])
def test_an_import_that_dies_for_want_of_memory_leaves_nothing_for_the_next(
    home: Home, big: Path, megabytes: int
) -> None:
    with opened(home):
        pass
    # Native code that cannot allocate may crash, or wait for ever until somebody kills it.
    with suppress(subprocess.TimeoutExpired):
        child = run_import(home, big, resource.RLIMIT_AS, megabytes << 20)
        if child.returncode == 1:
            assert "Unexpected" not in child.stderr
            assert child.stderr.count("\n") == 1
    with opened(home):
        assert not [path for path in home.datasets.iterdir() if path.suffix != ".sqlite"]
