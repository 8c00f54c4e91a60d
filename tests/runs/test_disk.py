"""Room for a run: what is needed, which errors mean that there is none, the reserve."""

import errno
import subprocess
import sys

import pytest

from promptrec_tui.runs import disk
from promptrec_tui.runs.checkpoints import checkpoint_path, publish
from promptrec_tui.runs.disk import DiskFullError, insist, is_full, lay_by, require_room, room_needed

SMALL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"
"""

LAST_WORD = """
import os, sys
from contextlib import suppress
from pathlib import Path
from promptrec_tui.runs.disk import insist, lay_by
from promptrec_tui.runs.folder import RunFolder
run = RunFolder(Path(sys.argv[1]))
lay_by(run)
with open(run.path / "filler", "wb", buffering=0) as file, suppress(OSError):
    while True:
        file.write(bytes(4096))
word = run.path / "word"
try:
    word.write_bytes(bytes(100_000))
    print("there was room")
except OSError:
    insist(run, lambda: word.write_bytes(bytes(100_000)))
    print("written", word.stat().st_size, run.reserve.exists())
"""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_errors_of_a_full_disk(number):
    assert is_full(OSError(number, "no"))
    outer = RuntimeError("while saving")
    outer.__cause__ = OSError(number, "no")
    assert is_full(outer)


def test_other_errors_are_none():
    assert not is_full(OSError(errno.EACCES, "no"))
    assert not is_full(ValueError("a full disk"))
    assert not is_full(None)


def test_what_torch_and_safetensors_say_of_a_full_disk(tmp_path):
    """Their own errors, under a limit of file sizes."""
    program = (
        "import sys, torch\n"
        "from safetensors.torch import save_file\n"
        "from promptrec_tui.runs.disk import is_full\n"
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))\n"
        "for save in (torch.save, save_file):\n"
        "    try:\n"
        "        save({'x': torch.zeros(100_000)}, sys.argv[1])\n"
        "    except Exception as error:\n"
        "        print(is_full(error), type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x")], capture_output=True, text=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["True", "True"], done


def test_a_checkpoint_needs_what_the_last_one_took(run):
    assert room_needed(run, least=1000) == 1000 + disk.MARGIN
    path = checkpoint_path(run, 1)
    path.mkdir()
    (path / "weights").write_bytes(bytes(5000))
    assert room_needed(run, least=1000) == 1000 + disk.MARGIN, "a torn one does not count"
    publish(run, 1)
    assert room_needed(run, least=1000) > 5000 + disk.MARGIN


def test_too_little_room_is_said_in_numbers(run):
    require_room(run, 1)
    with pytest.raises(
        DiskFullError, match=r"^Paused: the disk of .* is full: 1000000000 MB are needed, \d+ MB"
    ):
        require_room(run, 10**15)


def test_a_limit_is_told_where_the_disk_is_not_full(run):
    assert "a quota or a limit of file sizes" in disk.full_sentence(run, 1)


def test_the_last_word_is_written_on_a_full_disk(tmp_path):
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), sys.executable, LAST_WORD]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.stdout == "written 100000 False\n", done.stderr


def test_other_errors_cost_no_reserve(run):
    def forbidden():
        raise PermissionError(errno.EACCES, "no")

    lay_by(run)
    with pytest.raises(PermissionError):
        insist(run, forbidden)
    assert run.reserve.stat().st_size == disk.RESERVE
