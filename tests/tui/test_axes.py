"""Axes of charts: round ticks in even rows."""

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptrec_tui.tui.widgets.axes import (
    grown,
    log_axis,
    log_text,
    tick_step,
    tick_text,
    ticks,
    time_step,
    time_text,
    x_axis,
    y_axis,
)


def round_step(step: float) -> bool:
    """Whether it is 1, 2 or 5 times a power of ten."""
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    return min(abs(mantissa - digit) for digit in (1, 2, 5, 10)) < 1e-6


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(3, 60))
def test_the_y_axis_holds_its_values_and_has_round_ticks_in_even_rows(one, other, height):
    low, high = min(one, other), max(one, other)
    axis = y_axis(low, high, height)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low - slack <= low <= high <= axis.high + slack
    assert len(axis.ticks) >= 2
    assert round_step(axis.step)
    rows = [(height - 1) * axis.share(tick) for tick in axis.ticks]
    distances = {round(after - before, 4) for before, after in pairwise(rows)}
    assert len(distances) == 1
    assert all(abs(row - round(row)) < 1e-4 for row in rows)
    assert rows[0] >= -1e-4
    assert rows[-1] <= height - 1 + 1e-4


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 60))
def test_a_share_has_no_tick_below_0_or_above_1(one, other, height):
    axis = y_axis(min(one, other), max(one, other), height, (0.0, 1.0))
    assert axis.low >= 0
    assert -1e-9 <= axis.ticks[0] <= axis.ticks[-1] <= 1 + 1e-9


@given(st.floats(-1e39, 1e39), st.floats(-1e39, 1e39), st.integers(2, 60))
def test_any_values_have_an_axis_with_labels_whatever_the_bounds(one, other, height):
    axis = y_axis(min(one, other), max(one, other), height, (0.0, 1.0))
    assert axis.low < axis.high
    assert axis.ticks


@given(st.floats(0, 1e5), st.floats(1e-3, 1.0), st.integers(8, 40))
def test_the_values_fill_half_of_the_axis_at_least(low, span, height):
    axis = y_axis(low, low + span, height)
    assert span / (axis.high - axis.low) >= 0.45


@given(st.floats(-8, 8), st.floats(0, 12), st.integers(2, 40))
@example(-1.0, 2.0, 2)
def test_a_logarithmic_axis_holds_its_values(low, span, height):
    axis = log_axis(low, low + span, height)
    assert axis.low <= low + 1e-6
    assert low + span <= axis.high + 1e-6
    assert axis.ticks
    if span >= 2 and len(axis.ticks) > 1:
        assert all(tick == pytest.approx(round(tick)) for tick in axis.ticks)


def test_ticks_of_a_logarithmic_axis_are_round():
    assert log_text(log_axis(math.log10(0.03), math.log10(4), 12).ticks[0]) == "0.01"
    assert [log_text(tick) for tick in log_axis(math.log10(1.2), math.log10(9), 12).ticks] == [
        *("1", "2", "5", "10")
    ]
    assert [log_text(tick) for tick in log_axis(math.log10(8.6), math.log10(9.4), 12).ticks] == [
        *("8.6", "8.8", "9", "9.2", "9.4")
    ]
    assert log_text(-5) == "1e-5"


@given(st.floats(1e-6, 1e9), st.integers(2, 12))
def test_steps_are_1_2_or_5_times_a_power_of_ten(span, count):
    step = tick_step(0, span, count)
    assert round_step(step)
    assert 1 <= len(ticks(0, span, step)) <= count + 1


@given(st.floats(0, 1e9))
def test_the_axis_grows_in_steps(value):
    end = grown(value)
    assert value <= end * (1 + 1e-9)
    assert end <= max(1.0, value * 1.5)
    assert grown(end) == pytest.approx(end)


@given(st.floats(0, 1e6), st.floats(4, 1e5), st.integers(20, 200))
def test_ticks_of_any_range_of_steps_are_whole_and_told_apart(low, span, width):
    axis = x_axis(low, low + span, width)
    assert all(abs(tick - round(tick)) < 1e-6 for tick in axis.ticks)
    labels = [tick_text(tick, axis.step) for tick in axis.ticks]
    assert len(set(labels)) == len(labels)


@given(st.floats(1, 1e8), st.integers(2, 12))
def test_ticks_of_time_are_few_and_told_apart(seconds, count):
    step = time_step(seconds, count)
    labels = [time_text(tick) for tick in ticks(0, seconds, step)]
    assert len(set(labels)) == len(labels) <= count + 1


def test_labels_read_well():
    assert tick_text(0.1 + 0.2, 0.1) == "0.3"
    assert tick_text(0.0005, 0.0005) == "5e-4"
    assert tick_text(0.0015, 0.0005) == "1.5e-3"
    assert tick_text(1200, 200) == "1200"
    assert tick_text(2_000_000, 500_000) == "2e6"
    assert tick_text(1_234_500, 500) == "1234500"
    assert tick_text(-1e-20, 0.5) == "0"
    assert [time_text(seconds) for seconds in (0, 45, 90, 5400, 90_000)] == [
        *("0s", "45s", "1m30s", "1h30m", "1d1h")
    ]
