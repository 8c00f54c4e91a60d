"""A dataset file whose writer was killed is taken away; one that is being written stays."""

import subprocess
import sys
from pathlib import Path

from promptrec_tui.datasets.staging import sweep
from tests.waiting import wait_for

WRITER = """
import sys, time
from pathlib import Path
from promptrec_tui.datasets.writer import write_dataset

def rows():
    yield 0, 0, 0, None, None, 2
    time.sleep(3600)

write_dataset(Path(sys.argv[1]), lambda: {}, [], [], rows())
"""


def test_what_a_killed_writer_leaves_is_swept_away(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "d1.sqlite")])
    try:
        wait_for(lambda: list(tmp_path.glob(".d1.sqlite.*.tmp")))
        sweep(tmp_path)
        assert list(tmp_path.glob(".d1.sqlite.*.tmp"))
    finally:
        writer.kill()
        writer.wait()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
