"""When a fault is caused: at a random time, or when a file or an event appears."""

import random
import time
from collections.abc import Callable
from typing import Any

from benchmarks.faults.places import BrokenError
from benchmarks.faults.run_under_test import LIMIT, POLL, Patient, at_rest, checkpoints, look
from promptrec_tui.runs.checkpoints import checkpoint_path

Moment = Callable[[Patient, random.Random], bool]
"""Waits for its moment; returns False if the attempt ended before."""


def while_loading(seconds: float) -> Moment:
    """A random time within the first `seconds` of the attempt."""

    def wait(patient: Patient, chance: random.Random) -> bool:
        end = time.monotonic() + chance.uniform(0, seconds)
        return _wait(patient, lambda: time.monotonic() > end)

    return wait


def while_training(patient: Patient, chance: random.Random) -> bool:
    """Up to 12 events after training began, and up to a tenth of a second later."""
    wanted = chance.randint(1, 12)

    def come() -> bool:
        events = _logged_events(patient)
        begun = [number for number, event in enumerate(events) if event.get("phase") == "training"]
        return bool(begun) and len(events) - begun[0] >= wanted

    came = _wait(patient, come)
    time.sleep(chance.uniform(0, 0.1))
    return came


def while_saving(patient: Patient, chance: random.Random) -> bool:
    """When a new checkpoint that is not published yet has some of its files."""
    wanted = chance.randint(0, 6)
    old = set(checkpoints(patient, published=False))

    def come() -> bool:
        for step in set(checkpoints(patient, published=False)) - old:
            try:
                names = list(checkpoint_path(patient.folder, step).iterdir())
            except FileNotFoundError:
                continue
            if len(names) >= wanted:
                return True
        return False

    return _wait(patient, come)


def while_validating(patient: Patient, chance: random.Random) -> bool:
    """Just after validation figures appeared: among the previews, or in the save that follows."""

    def come() -> bool:
        figures = [event for event in _logged_events(patient) if event["kind"] == "metric" and event["step"]]
        return any("@" in name for event in figures for name in event["values"])

    came = _wait(patient, come)
    time.sleep(chance.uniform(0, 0.05))
    return came


def while_finishing(patient: Patient, chance: random.Random) -> bool:
    """In the last evaluation, or while the result is written."""

    def come() -> bool:
        return any(event.get("stage") in ("test", "after") for event in _logged_events(patient))

    came = _wait(patient, come)
    time.sleep(chance.uniform(0, 0.5))
    return came


def any_moment(chance: random.Random, loading: float, last: bool) -> Moment:
    """A random one of these moments; only the last fault of a run may occur near its end."""
    kinds = [while_loading(loading), while_training, while_training, while_saving, while_saving]
    kinds += [while_validating, *([while_finishing] * 2 if last else [])]
    return chance.choice(kinds)


def _logged_events(patient: Patient) -> list[dict[str, Any]]:
    """The events of this attempt."""
    look(patient)
    return [event for event in patient.events if event["attempt"] == patient.attempt]


def _wait(patient: Patient, come: Callable[[], bool]) -> bool:
    end, looked = time.monotonic() + LIMIT, 0.0
    while not come():
        now = time.monotonic()
        if now > end:
            raise BrokenError(f"The moment to strike never came in {LIMIT:.0f} s.")
        if now - looked > 0.2:
            look(patient)
            looked = now
            if at_rest(patient):
                return False
        time.sleep(POLL)
    return True
