"""Room that is given up when the catalogue's disk is full, on a real small disk."""

import shutil
import subprocess
import sys

import pytest

from promptrec_tui.home import Home
from promptrec_tui.store import disk_reserve

FULL = """
import sys
from pathlib import Path
from promptrec_tui.home import Home
from promptrec_tui.store import disk_reserve
from promptrec_tui.store.engine import RoomMadeError, open_catalogue
from promptrec_tui.errors import UserError
from promptrec_tui.prompts.template import Template
from promptrec_tui.store.templates import add_template

home = Home(Path({disk!r})).create()
disk_reserve.SIZE, disk_reserve.PLENTY = 2 << 20, 3 << 20
catalogue = open_catalogue(home)
assert disk_reserve.make_reserve(home) and home.disk_reserve.stat().st_blocks * 512 >= 2 << 20
filler = home.root / "filler"


def fill():
    with open(filler, "ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass


def save(number):
    return add_template(catalogue, Template(f"t{{number}}", "next_item", "en", "x" * 20000, "c"))


save(0)
fill()
try:
    save(1)
    sys.exit("the disk was not full")
except RoomMadeError as error:
    assert "disk" in str(error) and "full" in str(error), error
assert not home.disk_reserve.exists()
save(1)
fill()
try:
    for number in range(2, 200):
        save(number)
    sys.exit("the disk was not full again")
except RoomMadeError:
    sys.exit("there was nothing left to give up")
except UserError as error:
    assert "full" in str(error), error
assert not disk_reserve.make_reserve(home)
filler.unlink()
assert disk_reserve.make_reserve(home), "made again when there is room"
save(500)
catalogue.close()
print("all held")
"""


def test_the_reserve_makes_room_once_and_comes_back(tmp_path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare on this machine")
    code = FULL.format(disk=str(disk))
    mount = f"mount -t tmpfs -o size=8m tmpfs {disk} || exit 77"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f'{mount}; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    assert (done.returncode, done.stdout) == (0, "all held\n"), done.stderr


def test_a_disk_without_plenty_of_room_gets_no_reserve(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_reserve, "PLENTY", 1 << 60)
    assert not disk_reserve.make_reserve(home)
    assert not home.disk_reserve.exists()
    assert not disk_reserve.release(home)
