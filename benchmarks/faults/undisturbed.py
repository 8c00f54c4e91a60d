"""The undisturbed run, made once for all cases."""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.faults.oracle import check_finished
from benchmarks.faults.places import Place
from benchmarks.faults.run_under_test import begin, wait_for_rest
from benchmarks.faults.runner import ROOT
from benchmarks.faults.stage import describe_twin, make_home, write_twin


def make_stage(folder: Path) -> None:
    """Put the home and the twin of all cases into `folder`/stage, unless they are there."""
    stage = folder / "stage"
    if (stage / "twin.json").exists():
        return
    shutil.rmtree(stage, ignore_errors=True)
    place = Place(folder / "twin")
    for step in ("home", "twin"):
        subprocess.run(
            [sys.executable, "-m", "benchmarks.faults.undisturbed", step, str(folder)],
            cwd=ROOT,
            env={**place.environment(), "PYTHONPATH": str(ROOT)},
            check=True,
        )
    shutil.rmtree(place.folder)


def main(step: str, folder: str) -> None:
    """Make the home, or execute the undisturbed run in a copy of it."""
    stage = Path(folder) / "stage"
    if step == "home":
        make_home(Place(stage))
        return
    place = Place(Path(folder) / "twin").create(stage)
    patient = begin(place.home)
    wait_for_rest(patient)
    twin = describe_twin(patient.folder)
    check_finished(place, patient, twin)
    write_twin(stage, twin)


if __name__ == "__main__":
    main(*sys.argv[1:])
