"""Some cases of the fault table, with real processes; `make faults` runs all of it."""

from dataclasses import replace

import pytest

from benchmarks.faults.runner import Result, Results, run_all
from benchmarks.faults.table import FAULTS
from benchmarks.faults.undisturbed import make_stage

CHOSEN = {
    "trainer-killed": 2,
    "supervisor-killed": 1,
    "both-killed": 1,
    "files-damaged": 5,
    "writer-killed": 1,
}
"""The faults, and how many blows each deals: five kills in all, and every kind of damage to one file."""

DAMAGED_FILE = 2
"""The seed of files-damaged: the optimiser's state, without which another library resumes silently."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What came of the chosen cases, which run two at a time."""
    folder = tmp_path_factory.mktemp("faults")
    make_stage(folder)
    cases = [
        (replace(fault, blows=CHOSEN[fault.name]), DAMAGED_FILE if fault.name == "files-damaged" else 0)
        for fault in FAULTS
        if fault.name in CHOSEN
    ]
    return {result.fault: result for result in run_all(cases, folder, Results(folder / "results.json"))}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_run_ends_as_its_undisturbed_twin(name: str, results: dict[str, Result]) -> None:
    result = results[name]
    assert (result.verdict, result.count) == ("held", CHOSEN[name]), result.said
