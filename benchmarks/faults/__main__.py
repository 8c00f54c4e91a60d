"""The fault table: `make faults`, or `python -m benchmarks.faults [--row N] [--seed S] [--again]`.

Results are kept in build/faults, so that a second call goes on; the table is written to benchmarks/FAULTS.md.
"""

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.faults.report import line, write_report
from benchmarks.faults.runner import ROOT, Results, run_all
from benchmarks.faults.table import FAULTS
from benchmarks.faults.undisturbed import make_stage


def main() -> int:
    """Run the selected cases, report each, write the table; returns 1 if something broke."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    options.add_argument("--row", help="only this row of the fault table")
    options.add_argument("--fault", help="only the fault of this name")
    options.add_argument("--seed", type=int, help="only the case of this seed")
    options.add_argument("--again", action="store_true", help="forget the results so far")
    options.add_argument("--into", type=Path, default=ROOT / "build" / "faults", metavar="FOLDER")
    given = options.parse_args()
    if given.again:
        shutil.rmtree(given.into, ignore_errors=True)
    chosen = [
        fault
        for fault in FAULTS
        if given.row in (None, *fault.rows.split(", ")) and given.fault in (None, fault.name)
    ]
    cases = [
        (fault, seed)
        for fault in chosen
        for seed in ([given.seed] if given.seed is not None else range(fault.cases))
    ]
    folder = given.into.absolute()
    make_stage(folder)
    results = Results(folder / "results.json")
    broken = False
    for result in run_all(cases, folder, results):
        print(line(result), flush=True)
        broken = broken or result.verdict == "broken"
        write_report(results)
    write_report(results)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
