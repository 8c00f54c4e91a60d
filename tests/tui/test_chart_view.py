"""Cursor, range, smoothing and unit of charts, and places on curves: pure functions."""

import math

from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.tui.widgets.chart_view import (
    NEWEST,
    WEIGHTS,
    ChartView,
    at_newest,
    cursor_of,
    moved,
    other_scale,
    other_unit,
    paged,
    placed,
    smoother,
    whole,
    window_of,
    zoomed,
)
from promptrec_tui.tui.widgets.curve_points import (
    best_place,
    gaps,
    next_place,
    point_before,
    spikes,
    steps_of,
)

STEPS = [float(step) for step in range(0, 1001, 10)]

acts = st.lists(
    st.sampled_from(
        [
            lambda view, steps: moved(view, steps, 1),
            lambda view, steps: moved(view, steps, -1),
            lambda view, steps: paged(view, steps, 1),
            lambda view, steps: paged(view, steps, -1),
            lambda view, steps: zoomed(view, steps[-1], 2.0),
            lambda view, steps: zoomed(view, steps[-1], 0.5),
            lambda view, steps: placed(view, steps[0], steps[-1]),
            lambda view, steps: placed(view, steps[len(steps) // 3], steps[-1]),
            lambda view, steps: at_newest(view),
            lambda view, steps: whole(view),
        ]
    ),
    max_size=30,
)


@given(acts, st.lists(st.integers(0, 100_000), min_size=1, max_size=60, unique=True))
def test_the_cursor_stays_on_points_and_in_sight_whatever_is_pressed(pressed, places):
    steps = [float(place) for place in sorted(places)]
    view = ChartView()
    for act in pressed:
        view = act(view, steps)
        cursor, window = cursor_of(view, steps), window_of(view, steps[-1])
        assert cursor is None or cursor in steps
        if window:
            assert 0 <= window[0] < window[1]
            assert math.isclose(window[1] - window[0], view.span)
            assert cursor is None or window[0] - 1e-6 <= cursor <= window[1] + 1e-6


def test_the_first_move_shows_the_cursor_at_the_last_point_in_sight():
    assert moved(ChartView(), STEPS, -1).cursor == 1000
    assert moved(ChartView(), STEPS, 1).cursor == 1000
    assert moved(ChartView(span=100, end=555), STEPS, -1).cursor == 550
    assert moved(ChartView(), [], 1) == ChartView()


def test_moves_go_from_point_to_point_and_stop_at_the_ends():
    view = moved(ChartView(cursor=20.0), STEPS, 1)
    assert view.cursor == 30
    assert moved(view, STEPS, -2).cursor == 10
    assert moved(ChartView(cursor=0.0), STEPS, -1).cursor == 0
    # From a step between two points of another chart.
    assert moved(ChartView(cursor=25.0), STEPS, 1).cursor == 30
    assert moved(ChartView(cursor=25.0), STEPS, -1).cursor == 20


def test_zoom_keeps_the_cursor_in_its_place():
    view = zoomed(ChartView(cursor=400.0), 1000, 2)
    assert window_of(view, 1000) == (200, 700)
    again = zoomed(view, 1000, 2)
    assert window_of(again, 1000) == (300, 550)
    assert zoomed(zoomed(again, 1000, 0.5), 1000, 0.5).span is None


def test_without_a_cursor_zoom_shows_the_newest_steps_and_follows_the_run():
    view = zoomed(ChartView(), 1000, 4)
    assert window_of(view, 1000) == (750, 1000)
    # The end leaps: for some steps nothing else moves.
    assert window_of(view, 1001) == window_of(view, 1020)
    assert window_of(view, 1001)[1] >= 1020
    panned = paged(at_newest(view), STEPS, -1)
    assert window_of(panned, 1000) == window_of(panned, 2000)
    assert window_of(at_newest(panned), 2000)[1] == 2000
    assert whole(panned) == ChartView()


def test_a_cursor_at_the_newest_point_follows_it():
    view = at_newest(ChartView())
    assert view.cursor == NEWEST
    assert cursor_of(view, STEPS) == 1000
    assert cursor_of(view, [*STEPS, 1010.0]) == 1010


def test_pan_follows_the_cursor():
    view = ChartView(cursor=500.0, span=100, end=505)
    right = moved(view, STEPS, 1)
    assert right.cursor == 510
    assert window_of(right, 1000) == (420, 520)
    left = placed(right, 100, 1000)
    assert window_of(left, 1000) == (90, 190)
    assert window_of(placed(right, 0, 1000), 1000) == (0, 100)


def test_weights_scales_and_units_go_round():
    view = ChartView()
    weights = []
    for _ in WEIGHTS:
        view = smoother(view)
        weights.append(view.weight)
    assert weights == [0.6, 0.9, 0.99, 0.0]
    assert other_scale(other_scale(view)) == view
    assert other_unit(view, ["step", "time"]).unit == "time"
    assert other_unit(other_unit(view, ["step", "time"]), ["step", "time"]).unit == "step"
    assert other_unit(view, ["step"]).unit == "step"


def test_best_gaps_and_values_of_a_curve():
    points = [(0, 3.0), (10, None), (20, math.nan), (30, 1.0), (40, 5.0), (50, None), (60, 1.0), (70, 5.0)]
    assert gaps(points) == [10, 50]
    assert best_place(points) == 40
    assert best_place(points, lowest=True) == 30
    assert best_place([(0, None)]) is None
    assert point_before(points, 35) == (30, 1.0)
    assert point_before(points, -1) is None
    assert steps_of([[(0, 1.0), (5, 1.0)], [(3, 1.0), (5, 2.0)]]) == [0, 3, 5]
    assert next_place([10, 50], None) == 10
    assert next_place([10, 50], 10) == 50
    assert next_place([10, 50], 50) == 10
    assert next_place([], 50) is None


@given(st.integers(12, 380), st.sampled_from([-1, 1]))
def test_a_spike_is_found_on_a_falling_noisy_curve(place, sign):
    points = [(x, 3 * math.exp(-x / 80) + 1 + 0.05 * math.sin(x * 1.7)) for x in range(400)]
    assert spikes(points) == []
    points[place] = (place, points[place][1] + sign * 2.0)
    assert spikes(points) == [place]


def test_a_flat_curve_and_few_points_have_no_spikes():
    assert spikes([(x, 1.0) for x in range(50)]) == []
    assert spikes([(0, 1.0), (1, 100.0)]) == []
