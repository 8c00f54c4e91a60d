"""Queries for reading curves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.runs.event_log import EventLog
from promptrec_tui.runs.events import CheckpointEvent, MetricEvent
from promptrec_tui.store import series
from promptrec_tui.store.curves import (
    Moment,
    checkpoint_steps,
    curve_range,
    moments,
    smoothed,
    training_times,
)
from promptrec_tui.store.ingest import ingest
from promptrec_tui.store.series import thin_series

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=80)


@given(VALUES, st.sampled_from([0.6, 0.9, 0.99]))
def test_a_smooth_curve_is_the_weighted_mean_of_what_came_before(values, weight):
    smooth = smoothed(list(enumerate(values)), weight)
    for place, (step, value) in enumerate(smooth):
        assert step == place
        numbers = [number for number in values[: place + 1] if number is not None]
        if values[place] is None:
            assert value is None
            continue
        weights = [weight ** (len(numbers) - 1 - age) for age in range(len(numbers))]
        mean = sum(w * number for w, number in zip(weights, numbers, strict=True)) / sum(weights)
        assert value == pytest.approx(mean, rel=1e-6, abs=1e-3)


def test_a_smooth_curve_begins_at_the_first_value_and_keeps_a_constant():
    assert [value for _, value in smoothed([(1, 3.0), (2, 3.0), (3, None), (4, 3.0)], 0.99)] == [
        *(pytest.approx(3.0), pytest.approx(3.0), None, pytest.approx(3.0))
    ]


def write_losses(folder, steps, values):
    with EventLog(folder, 1) as log:
        for step in steps:
            log.write(MetricEvent(step=step, total_steps=len(steps), epoch=step / 100, values=values(step)))


def test_a_range_has_all_its_points_where_the_whole_curve_is_thinned(home, catalogue, make_run):
    spike = 4321

    def values(step):
        return {"train_loss": 9.0 if step == spike else 1.0 + step % 7 / 100}

    write_losses(make_run("r1"), range(10_000), values)
    ingest(home, catalogue)
    whole = curve_range(catalogue, "r1", ["train_loss"], max_points=100).raw["train_loss"]
    assert len(whole) <= 100
    assert (spike, 9.0) in whole
    part = curve_range(catalogue, "r1", ["train_loss"], (4300, 4350), max_points=100).raw["train_loss"]
    assert [step for step, _ in part] == list(range(4299, 4352))
    assert dict(part)[spike] == 9.0
    far = curve_range(catalogue, "r1", ["train_loss"], (20_000, 30_000)).raw["train_loss"]
    assert [step for step, _ in far] == [9_999]


def test_a_smooth_range_is_a_part_of_the_smooth_curve(home, catalogue, make_run):
    write_losses(make_run("r1"), range(300), lambda step: {"train_loss": float(step % 11)})
    ingest(home, catalogue)
    whole = curve_range(catalogue, "r1", ["train_loss"], weight=0.9)
    part = curve_range(catalogue, "r1", ["train_loss"], (100, 150), weight=0.9)
    assert part.smooth["train_loss"] == [
        point for point in whole.smooth["train_loss"] if 99 <= point[0] <= 151
    ]
    assert part.raw["train_loss"] == [point for point in whole.raw["train_loss"] if 99 <= point[0] <= 151]
    assert curve_range(catalogue, "r1", ["train_loss"]).smooth == {}


def test_time_counts_training_only_and_what_was_repeated_counts_once():
    rows = [(1, 10, 100.0, 0.1), (1, 20, 160.0, 0.2), (1, 30, 220.0, 0.3)]
    rows += [(2, 20, 9000.0, 0.2), (2, 40, 9060.0, 0.4), (2, 50, 9050.0, 0.5)]
    assert training_times(rows) == [
        Moment(10, 0.0, 0.1),
        Moment(20, 120.0, 0.2),
        Moment(40, 180.0, 0.4),
        Moment(50, 180.0, 0.5),
    ]


def test_moments_are_few_and_have_both_ends(home, catalogue, make_run):
    write_losses(make_run("r1"), range(1, 3001), lambda step: {"train_loss": 1.0})
    ingest(home, catalogue)
    kept = moments(catalogue, "r1", 50)
    assert len(kept) <= 52
    assert (kept[0].step, kept[-1].step) == (1, 3000)
    assert kept[-1].epoch == 30.0
    assert [moment.step for moment in kept] == sorted(moment.step for moment in kept)
    assert moments(catalogue, "nothing") == []


def test_checkpoints_are_listed_once_each(home, catalogue, make_run):
    folder = make_run("r1")
    for attempt, steps in ((1, (10, 20)), (2, (20, 30))):
        with EventLog(folder, attempt) as log:
            for step in steps:
                log.write(CheckpointEvent(step=step, best=step == 20, folder=f"checkpoint-{step}"))
    ingest(home, catalogue)
    assert checkpoint_steps(catalogue, "r1") == [10, 20, 30]


def test_sqlite_thins_a_long_curve_as_python_does(home, catalogue, make_run, monkeypatch):
    def values(step):
        return {"train_loss": math.nan if step == 2500 else 9.0 if step == 4321 else 1.0 + step % 7 / 100}

    write_losses(make_run("r1"), range(5000), values)
    ingest(home, catalogue)
    monkeypatch.setattr(series, "MANY", 1000)
    monkeypatch.setattr(series, "_read", None)
    kept = thin_series(catalogue, "r1", "train_loss", 200)
    assert len(kept) <= 200
    assert kept == sorted(set(kept), key=lambda point: point[0])
    assert (kept[0][0], kept[-1][0]) == (0, 4999)
    assert (4321, 9.0) in kept
    assert (2500, None) in kept
    assert min(value for _, value in kept if value is not None) == 1.0


def test_a_long_curve_with_repeated_steps_has_the_values_of_the_later_attempt(
    home, catalogue, make_run, monkeypatch
):
    folder = make_run("r1")
    for attempt, value in ((1, 99.0), (2, 1.0)):
        with EventLog(folder, attempt) as log:
            for step in range(2000):
                values = {"train_loss": value}
                log.write(MetricEvent(step=step, total_steps=2000, epoch=0.1, values=values))
    ingest(home, catalogue)
    monkeypatch.setattr(series, "MANY", 1000)
    assert {value for _, value in thin_series(catalogue, "r1", "train_loss", 200)} == {1.0}
