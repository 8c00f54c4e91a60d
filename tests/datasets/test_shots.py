"""Solved examples come from the training split, a tenth of the users at most, always the same ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.shots import SHOT_HISTORY, SHOTS, Shot, draw_shots
from promptrec_tui.datasets.splits import leave_one_out

Write = Callable[[str, str | bytes], Path]


def shots_of(write: Write, target: Path, users: int, length: int, **given: int) -> list[Shot]:
    """Shots of users who all have `length` events, each of an item that nobody else has."""
    rows = [f"u{user},i{user}-{event},{event}" for user in range(users) for event in range(length)]
    path = write("events.csv", "\n".join(("user,item,timestamp", *rows, "")))
    target.unlink(missing_ok=True)
    import_dataset(path, target, ImportOptions())
    with open_dataset(target) as dataset:
        shots = draw_shots(dataset, "line", **given)
        for shot in shots:
            sequence = dataset.sequence(shot.user_id)
            split = leave_one_out(sequence)
            assert split
            position = sequence.index(shot.answer)
            assert position in split.training
            assert list(shot.history) == sequence[max(0, position - SHOT_HISTORY) : position]
    return shots


@pytest.mark.parametrize("length", [5, 6, 9, 30])
def test_no_validation_or_test_target_is_shown(write: Write, target: Path, length: int) -> None:
    shots = shots_of(write, target, 40, length)
    assert len({shot.user_id for shot in shots}) == SHOTS


def test_the_seed_alone_decides(write: Write, target: Path) -> None:
    first, again = (shots_of(write, target, 60, 9) for _ in range(2))
    assert first == again
    assert first != shots_of(write, target, 60, 9, seed=2)


@pytest.mark.parametrize(("users", "length", "count"), [(9, 9, 0), (10, 9, 1), (29, 9, 2), (60, 4, 0)])
def test_there_are_no_more_than_can_be_spared(
    write: Write, target: Path, users: int, length: int, count: int
) -> None:
    assert len(shots_of(write, target, users, length)) == count
