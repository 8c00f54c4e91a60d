"""Faults that tests of the suite inject in the same way; this module reports their results."""

import os
import re
import subprocess
import sys

from benchmarks.faults.cases import Act, Case, Tally
from benchmarks.faults.places import BrokenError, SkippedError
from benchmarks.faults.runner import ROOT


def proved(*selection: str) -> Act:
    """Run these tests; as many faults were survived as tests passed."""

    def act(case: Case) -> Tally:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *selection],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(case.place.temporary)},
            capture_output=True,
            text=True,
            check=False,
        )
        last = (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]
        if done.returncode == 5:
            raise SkippedError(f"there are no tests {' '.join(selection)}")
        if done.returncode:
            raise BrokenError(last)
        passed = re.search(r"(\d+) passed", last)
        if not passed:
            raise SkippedError(f"all tests {' '.join(selection)} were skipped")
        return Tally(int(passed[1]), f"{last} ({' '.join(selection)})")

    return act
