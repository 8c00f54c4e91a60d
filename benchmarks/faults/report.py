"""Writes benchmarks/FAULTS.md: each fault, how often it was caused, and the result."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import benchmarks.results as results_file
from benchmarks.faults.cases import Fault
from benchmarks.faults.runner import Result, Results
from benchmarks.faults.table import FAULTS, LEFT_OUT

FAULTS_FILE = Path(__file__).parents[1] / "FAULTS.md"


def line(result: Result) -> str:
    """One line of progress for a case."""
    said = f": {result.said}" if result.said else ""
    case = f"--fault {result.fault} --seed {result.seed}"
    return f"{case}: {result.verdict}, {result.count} in {result.seconds:.0f} s{said}"


def write_report(results: Results) -> None:
    """Write the table of all results so far."""
    header = ("row", "what was done", "times", "result", "seconds")
    rows = [_row(fault, results.of(fault)) for fault in FAULTS]
    rows += [(row, done, "", f"skipped: {why}", "") for row, done, why in LEFT_OUT]
    rows.sort(key=lambda row: [int(part) if part.isdigit() else 99 for part in row[0].split(", ")])
    lines = [
        "# The fault table",
        "",
        "Real processes, real signals, real full disks. After each fault the run goes on and must end as its",
        "undisturbed twin: the same adapter to the bit, the same test figures, every event that was ever",
        "read there once, a sound catalogue, no traceback, nothing outside the home.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}, {results_file.machine()}, one thread a process, no GPU",
        f"- {results_file.versions()}, SQLite {sqlite3.sqlite_version}",
        "- A case that held is kept from call to call, maybe from an earlier commit; `--again` forgets all.",
        "- `make faults`; one row again: `python -m benchmarks.faults --row 1 --seed 3`",
        "",
        *results_file.table(header, rows),
    ]
    FAULTS_FILE.write_text("\n".join(lines) + "\n", "utf-8")


def _row(fault: Fault, results: list[Result]) -> tuple[str, str, str, str, str]:
    count = sum(one.count for one in results)
    seconds = sum(one.seconds for one in results)
    broken = [one for one in results if one.verdict == "broken"]
    skipped = [one for one in results if one.verdict == "skipped"]
    if not results:
        verdict = "not run"
    elif broken:
        seeds = ", ".join(str(one.seed) for one in broken)
        verdict = f"**broken** in {len(broken)} of {len(results)} cases (seed {seeds}): {broken[0].said}"
    elif skipped:
        verdict = f"skipped: {skipped[0].said}"
    else:
        verdict = "held" + (f": {results[0].said}" if fault.cases == 1 and results[0].said else "")
    times = f"{count} of {fault.target}" if results else f"0 of {fault.target}"
    return fault.rows, fault.description, times, verdict.replace("|", "/"), f"{seconds:.0f}"
