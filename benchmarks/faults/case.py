"""One case in a process of its own: `python -m benchmarks.faults.case FAULT SEED FOLDER BLOWS`.

Answers one JSON line: verdict (held, broken, skipped), count, said.
"""

import json
import random
import signal
import sys
from pathlib import Path

import psutil

from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.places import BrokenError, Place, SkippedError
from benchmarks.faults.stage import read_twin
from benchmarks.faults.table import FAULTS


def main(name: str, seed: str, folder: str, blows: str) -> None:
    """Run the case, report its result, and end its remaining processes."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    place = Place(Path(folder) / f"{name}-{seed}")
    chance = random.Random(f"{name} {seed}")
    case = Case(place, int(seed), int(blows), read_twin(Path(folder) / "stage"), chance)
    try:
        tally = fault.act(case)
        verdict = "held"
    except BrokenError as error:
        tally, verdict = Tally(0, str(error)), "broken"
    except SkippedError as error:
        tally, verdict = Tally(0, str(error)), "skipped"
    finally:
        _end_all(place)
    said = tally.said.replace(f"{place.folder}/", "")
    print(json.dumps({"verdict": verdict, "count": tally.count, "said": said}))


def _end_all(place: Place) -> None:
    """Kill processes that still run in this home, because the next case needs the core."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("PROMPTREC_HOME") == str(place.home.root) and process.pid != _OWN:
                process.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue


_OWN = psutil.Process().pid

if __name__ == "__main__":
    main(*sys.argv[1:])
