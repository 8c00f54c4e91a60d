import subprocess
import sys
from pathlib import Path

CODE = """
import os, sys
from pathlib import Path
from promptrec_tui.tui.native_output import native_output_to
with native_output_to(Path(sys.argv[1])):
    os.write(2, b"a panic\\n")
    os.system("echo a child >&2")
    print("drawn", file=sys.__stderr__, flush=True)
print("after", file=sys.stderr)
os.write(2, b"at the end\\n")
"""


def stderr_of(log: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(log)], stderr=subprocess.PIPE, text=True, check=True
    )
    return done.stderr


def test_what_native_code_prints_goes_to_the_log_and_not_to_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("before\n")
    assert stderr_of(log) == "drawn\nafter\nat the end\n"
    assert log.read_text() == "before\na panic\na child\n"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    assert stderr_of(tmp_path / "no" / "app.log") == "drawn\nafter\nat the end\n"
    assert list(tmp_path.iterdir()) == []
