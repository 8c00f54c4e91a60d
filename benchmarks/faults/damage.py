"""A checkpoint with damaged files (rows 9 to 13)."""

import random
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.cases import Case, Tally
from benchmarks.faults.oracle import check_finished
from benchmarks.faults.places import BrokenError
from benchmarks.faults.run_under_test import (
    Patient,
    begin,
    checkpoints,
    expect,
    look,
    resume,
    strike,
    until,
    wait_for_rest,
)
from promptrec_tui.runs.checkpoints import checkpoint_path, newest_verified
from promptrec_tui.runs.states import State


def torn(path: Path, chance: random.Random) -> None:
    """The second half never reached the disk."""
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(len(data) - half))


def truncated(path: Path, chance: random.Random) -> None:
    """The file is truncated: after one byte, in the middle, one byte before its end."""
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice((1, len(data) // 2, len(data) - 1))])


def flipped(path: Path, chance: random.Random) -> None:
    """One bit is flipped."""
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def missing(path: Path, chance: random.Random) -> None:
    """The file is missing."""
    path.unlink()


def empty(path: Path, chance: random.Random) -> None:
    """The file is empty, as after a power cut."""
    path.write_bytes(b"")


KINDS: tuple[Callable[[Path, random.Random], None], ...] = (torn, truncated, flipped, missing, empty)

FILES = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "README.md",
    "manifest.json",
)
"""The files of a checkpoint."""

RESUMING = "Resuming from step "
"""Begins the message of a trainer that loads a checkpoint."""


def files(case: Case) -> Tally:
    """One file of the newest checkpoint, damaged in every way in turn; the seed says which file."""
    name = FILES[case.seed % len(FILES)]
    patient = begin(case.place.home)
    kinds = list(KINDS[: case.blows])
    case.chance.shuffle(kinds)
    for kind in kinds:
        _fall_back(case, patient, name, kind)
    wait_for_rest(patient)
    check_finished(case.place, patient, case.twin)
    return Tally(len(kinds), f"{name}: {', '.join(kind.__name__ for kind in kinds)}")


def _fall_back(case: Case, patient: Patient, name: str, kind: Callable[[Path, random.Random], None]) -> None:
    """Kill the trainer after its next save, damage the newest checkpoint; the previous one must be used."""
    old = max(checkpoints(patient), default=0)
    until(lambda: len(checkpoints(patient)) > 1 and max(checkpoints(patient)) > old, "A newer checkpoint")
    strike(patient, "trainer")
    expect(wait_for_rest(patient), {State.INTERRUPTED})
    newest = checkpoints(patient)[-1]
    place = checkpoint_path(patient.folder, newest)
    if (names := {path.name for path in place.iterdir()}) != set(FILES):
        raise BrokenError(f"A checkpoint has other files than this table knows: {names ^ set(FILES)}")
    kind(place / name, case.chance)
    good = newest_verified(patient.folder)
    if good is None or good.step >= newest:
        raise BrokenError(f"{name}, {kind.__name__}, was taken for a good one.")
    resume(patient)
    until(lambda: _began(patient) is not None, f"Training again ({name}, {kind.__name__})")
    if _began(patient) != good.step:
        raise BrokenError(f"Training went on from step {_began(patient)}, not {good.step}.")
    if not _said(patient, "warning", f"checkpoint-{newest}"):
        raise BrokenError(f"No warning tells of the damaged checkpoint-{newest}.")
    if not any(path.name.startswith(f"checkpoint-{newest}.") for path in patient.folder.quarantine.iterdir()):
        raise BrokenError(f"The damaged checkpoint-{newest} is not in quarantine.")


def _began(patient: Patient) -> int | None:
    """The step from which the present attempt trains; None before its checkpoint is loaded."""
    look(patient)
    mine = (event for event in patient.events if event["attempt"] == patient.attempt)
    messages = (event["message"] for event in mine if event["kind"] == "phase")
    return next((int(text.removeprefix(RESUMING)) for text in messages if text.startswith(RESUMING)), None)


def _said(patient: Patient, kind: str, words: str) -> bool:
    look(patient)
    mine = (event for event in patient.events if event["attempt"] == patient.attempt)
    return any(event["kind"] == kind and words in event["message"] for event in mine)
