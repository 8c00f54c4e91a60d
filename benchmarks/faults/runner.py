"""Runs cases, each in a process of its own, and saves the results, so that a second call continues."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.faults.cases import Fault
from benchmarks.faults.places import Place

ROOT = Path(__file__).parents[2]
CASE_SECONDS = 1500


@dataclass(frozen=True)
class Result:
    """The result of one case: held, broken or skipped, its number of faults, a remark, and its seconds."""

    fault: str
    seed: int
    verdict: str
    count: int
    said: str
    seconds: float


class Results:
    """The results so far, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.all = self._read()

    def has(self, fault: Fault, seed: int) -> bool:
        """Whether that case held or was skipped before; a broken one is run again."""
        known = self.all.get((fault.name, seed))
        return known is not None and known.verdict != "broken"

    def put(self, result: Result) -> None:
        """Add a result and write it to the disk at once."""
        with self._lock:
            # Another call may have added results in the meantime.
            self.all = {**self._read(), (result.fault, result.seed): result}
            partial = self._path.with_suffix(".part")
            partial.write_text(json.dumps([asdict(one) for one in self.all.values()], indent=1))
            partial.replace(self._path)

    def of(self, fault: Fault) -> list[Result]:
        """The results of a fault's cases."""
        return [self.all[fault.name, seed] for seed in range(fault.cases) if (fault.name, seed) in self.all]

    def _read(self) -> dict[tuple[str, int], Result]:
        records = json.loads(self._path.read_text()) if self._path.exists() else []
        return {(one["fault"], one["seed"]): Result(**one) for one in records}


def run_all(wanted: Sequence[tuple[Fault, int]], folder: Path, results: Results) -> Iterable[Result]:
    """Run the cases without a result, one per core, and yield each result as it ends.

    Those that want the machine for themselves come last.
    """
    todo = [(fault, seed) for fault, seed in wanted if not results.has(fault, seed)]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0, 1]
    free = list(cores[:2])

    def one(fault: Fault, seed: int) -> Result:
        core = free.pop()
        try:
            return run_case(fault, seed, folder, core)
        finally:
            free.append(core)

    with ThreadPoolExecutor(len(free)) as pool:
        started = [pool.submit(one, fault, seed) for fault, seed in todo if not fault.alone]
        for ended in as_completed(started):
            results.put(ended.result())
            yield ended.result()
    for fault, seed in todo:
        if fault.alone:
            results.put(result := run_case(fault, seed, folder))
            yield result


def run_case(fault: Fault, seed: int, folder: Path, core: int | None = None) -> Result:
    """Run one case in a process of its own, on one core if given; its place is kept when it broke."""
    place = Place(folder / f"{fault.name}-{seed}").create(folder / "stage")
    command = [sys.executable, "-m", "benchmarks.faults.case", fault.name, str(seed), str(folder)]
    command += [str(fault.blows)]
    if fault.mounts:
        command = ["unshare", "-rm", *command]
    if core is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(core), *command]
    start = time.monotonic()
    verdict, count, said = _outcome(command, place)
    result = Result(fault.name, seed, verdict, count, said, round(time.monotonic() - start, 1))
    if verdict != "broken":
        shutil.rmtree(place.folder, ignore_errors=True)
    return result


def _outcome(command: list[str], place: Place) -> tuple[str, int, str]:
    environment = {**place.environment(), "PYTHONPATH": str(ROOT)}
    # Output goes to files, because a process left by a case must not keep a pipe open.
    with open(place.folder / "said", "w+") as said, open(place.folder / "errors", "w+") as errors:
        try:
            code = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=errors,
                timeout=CASE_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return "broken", 0, f"The case did not end in {CASE_SECONDS} s."
        said.seek(0)
        errors.seek(0)
        lines = said.read().splitlines()
        if code == 0 and lines:
            answer = json.loads(lines[-1])
            return answer["verdict"], answer["count"], answer["said"]
        last = errors.read().strip().splitlines() or ["it said nothing"]
        return "broken", 0, f"The case itself ended with {code}: {last[-1]}"
