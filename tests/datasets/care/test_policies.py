"""Split policies: sizes, nobody's future in the past, and what ties decide."""

from pathlib import Path

import numpy as np
import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.importer import ImportOptions, import_dataset
from promptrec_tui.datasets.policies import (
    CONTEXT,
    POLICIES,
    TEST,
    TRAINING,
    VALIDATION,
    global_time,
    leave_one_out_parts,
    ratio_by_user,
    summarise_splits,
    tied_users,
)


def test_leave_one_out_takes_the_last_two(contents):
    events = contents({"u": [("a", t) for t in range(5)], "v": [("a", 1), ("b", 2)]}).events
    assert leave_one_out_parts(events).tolist() == [
        CONTEXT,
        CONTEXT,
        TRAINING,
        VALIDATION,
        TEST,
        CONTEXT,
        CONTEXT,
    ]


def test_leave_one_out_of_three_events_has_no_training_target(contents):
    events = contents({"u": [("a", 1), ("b", 2), ("c", 3)]}).events
    assert leave_one_out_parts(events).tolist() == [CONTEXT, VALIDATION, TEST]


def test_ratio_by_user_cuts_each_history(contents):
    events = contents({"u": [("a", t) for t in range(20)]}).events
    assert np.bincount(ratio_by_user(events)).tolist() == [2, 14, 2, 2]


def test_global_time_keeps_a_moment_together(contents):
    early = {f"u{n}": [("a", 1), ("b", 2), ("c", 3)] for n in range(10)}
    late = {f"v{n}": [("a", 4), ("b", 5), ("c", 9), ("d", 9)] for n in range(2)}
    events = contents(early | late).events
    parts = global_time(events)
    latest_training = events.timestamp[parts == TRAINING].max()
    assert events.timestamp[parts >= VALIDATION].min() > latest_training
    assert not set(events.timestamp[parts == TEST]) & set(events.timestamp[parts == VALIDATION])


@pytest.mark.parametrize("policy", POLICIES)
def test_no_users_target_comes_before_one_of_an_earlier_part(contents, policy):
    random = np.random.default_rng(3)
    histories = {
        f"u{n}": [("a", int(t)) for t in np.sort(random.integers(0, 40, random.integers(1, 12)))]
        for n in range(50)
    }
    events = contents(histories).events
    parts = POLICIES[policy][0](events)
    for start, end in zip(events.starts, events.ends, strict=True):
        assert (np.diff(parts[start : end + 1]) >= 0).all()


def test_ties_across_the_cut_are_counted_by_user(contents):
    events = contents(
        {
            "test tied": [("a", 1), ("b", 2), ("c", 3), ("d", 3)],
            "validation tied": [("a", 1), ("b", 2), ("c", 2), ("d", 3)],
            "tied before": [("a", 1), ("b", 1), ("c", 1), ("d", 2), ("e", 3)],
        }
    ).events
    assert tied_users(leave_one_out_parts(events), events).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("splits", "sizes", "about"),
    [
        ({"train": 20, "dev": 3, "Test": 4}, (20, 3, 4), "as the source says of each text"),
        ({"train": 20, "test": 4}, (18, 2, 4), "none for validation: a tenth"),
        ({"": 20}, (16, 2, 2), "none for validation and test: a tenth"),
    ],
)
def test_the_splits_of_labelled_texts_are_those_that_a_run_uses(
    tmp_path: Path, splits: dict[str, int], sizes: tuple[int, int, int], about: str
) -> None:
    lines = [
        f"text {split} {n},{'ab'[n % 2]},{split}" for split, count in splits.items() for n in range(count)
    ]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label,split", *lines]) + "\n")
    import_dataset(tmp_path / "texts.csv", tmp_path / "d.sqlite", ImportOptions(format="labelled"))
    with open_dataset(tmp_path / "d.sqlite") as dataset:
        (summary,) = summarise_splits(dataset)
    assert (summary.training, summary.validation, summary.test) == sizes
    assert about in summary.about
    assert summary.usable
