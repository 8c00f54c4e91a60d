"""The pure part of the charts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from promptrec_tui.tui.widgets.plot import (
    AXIS,
    LINE,
    Chart,
    Row,
    Series,
    draw_chart,
    grown,
    scale_of,
    tick_step,
    tick_text,
    ticks,
    value_text,
)

values = st.one_of(st.floats(-1e12, 1e12), st.just(math.nan), st.just(math.inf), st.none())
curves = st.lists(values, max_size=60).map(lambda ys: Series("loss", list(enumerate(ys))))


def ink(rows: tuple[Row, ...], number: int) -> set[tuple[int, int]]:
    """The cells of the plot that a series inked; the legend's row is left out."""
    cells = ((x, y, cell) for y, row in enumerate(rows) for x, cell in enumerate(row))
    return {(x, y) for x, y, (char, used) in cells if y and used == number and char != " "}


def text(rows: tuple[Row, ...]) -> list[str]:
    return ["".join(char for char, _ in row) for row in rows]


@given(
    st.lists(curves, max_size=3),
    st.lists(st.tuples(st.just("markov"), st.floats(-1e6, 1e6)), max_size=3),
    st.integers(1, 120),
    st.integers(1, 40),
    st.booleans(),
)
def test_any_chart_fills_exactly_its_cells(series, lines, width, height, ascii_only):
    rows = draw_chart(Chart("a title", tuple(series), tuple(lines)), width, height, ascii_only)
    assert len(rows) == height
    assert all(cell_len("".join(char for char, _ in row)) == width == len(row) for row in rows)
    if ascii_only:
        assert "".join(text(rows)).isascii()


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.integers(20, 100), st.integers(3, 30))
def test_the_scale_holds_every_value_and_ends_at_ticks(ys, width, height):
    scale = scale_of(Chart("", (Series("s", list(enumerate(ys))),)), width, height)
    assert scale is not None
    slack = 1e-6 * max(1e-9, scale.y[1] - scale.y[0])
    assert scale.y[0] - slack <= min(ys) <= max(ys) <= scale.y[1] + slack
    assert scale.x[1] >= len(ys) - 1
    assert len(scale.y_ticks) >= 2
    assert scale.y_ticks[0] == pytest.approx(scale.y[0], abs=slack)
    assert scale.y_ticks[-1] == pytest.approx(scale.y[1], abs=slack)


@given(st.floats(1e-6, 1e9), st.integers(2, 12))
def test_steps_are_1_2_or_5_times_a_power_of_ten(span, count):
    step = tick_step(0, span, count)
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(mantissa - nice) for nice in (1, 2, 5)) < 1e-6
    assert 1 <= len(ticks(0, span, step)) <= count + 1


@given(st.floats(0, 1e9))
def test_the_axis_grows_in_steps(value):
    end = grown(value)
    assert value <= end * (1 + 1e-9)
    assert end <= max(1.0, value * 1.5)
    assert grown(end) == pytest.approx(end)


def test_a_value_that_is_no_number_is_a_gap():
    whole = draw_chart(Chart("", (Series("s", [(x, float(x)) for x in range(101)]),)), 60, 20)
    points = [(x, None if 40 <= x <= 60 else float(x)) for x in range(101)]
    broken = draw_chart(Chart("", (Series("s", points),)), 60, 20)
    columns = {x for x, _ in ink(whole, 0)}
    missing = columns - {x for x, _ in ink(broken, 0)}
    assert 9 <= len(missing) <= 13
    assert max(missing) - min(missing) == len(missing) - 1
    assert "gap at 40" in text(broken)[0]
    assert "gap" not in text(whole)[0]


def test_a_run_that_ends_in_nan_says_so():
    rows = draw_chart(Chart("loss", (Series("train", [(0, 2.0), (1, math.nan)]),)), 60, 10)
    assert "train nan" in text(rows)[0]


def test_one_more_point_repaints_few_cells():
    points = [(x, 4 * math.exp(-x / 200) + 1) for x in range(0, 820, 5)]
    before = draw_chart(Chart("loss", (Series("train", points[:-1]),)), 150, 40)
    after = draw_chart(Chart("loss", (Series("train", points),)), 150, 40)
    cells = zip(sum(before, ()), sum(after, ()), strict=True)
    assert 0 < sum(old != new for old, new in cells) <= 12


def test_baselines_are_lines_with_their_names():
    points = [(x, 0.02 + x / 2000) for x in range(100)]
    chart = Chart("NDCG@10", (Series("model", points),), (("popularity", 0.05), ("item_knn", 0.08)))
    rows = draw_chart(chart, 80, 20)
    shown = "\n".join(text(rows))
    assert "popularity 0.05" in shown
    assert "item_knn 0.08" in shown
    high, low = (
        next(y for y, row in enumerate(text(rows)) if name in row) for name in ("item_knn", "popularity")
    )
    assert high < low
    assert len(ink(rows, LINE)) > 40


def test_baselines_are_named_where_the_curve_leaves_room():
    high = [(x, 0.2 if x > 30 else 0.1) for x in range(100)]
    chart = Chart(
        "HR@10", (Series("model", high),), (("popularity", 0.2), ("markov", 0.2), ("item_knn", 0.2))
    )
    shown = "\n".join(text(draw_chart(chart, 80, 12)))
    assert all(f"{name} 0.2" in shown for name in ("popularity", "markov", "item_knn"))


def test_rising_values_rise():
    cells = ink(draw_chart(Chart("", (Series("s", [(0, 0.0), (100, 1.0)]),)), 60, 20), 0)
    left, right = min(cells), max(cells)
    assert left[1] > right[1]


def test_nothing_to_draw_is_said():
    assert "no points yet" in "".join(text(draw_chart(Chart("loss", ()), 60, 10)))
    assert "too small" in "".join(text(draw_chart(Chart("loss", ()), 19, 10)))


def test_labels_read_well():
    assert tick_text(0.1 + 0.2, 0.1) == "0.3"
    assert tick_text(0.0005, 0.0005) == "5e-4"
    assert tick_text(1200, 200) == "1200"
    assert tick_text(-1e-20, 0.5) == "0"
    assert value_text(1.93214) == "1.932"
    assert value_text(0.0002) == "2.00e-04"
    assert value_text(None) == "nan"


def test_every_axis_label_is_drawn_in_the_ink_of_axes():
    rows = draw_chart(Chart("", (Series("s", [(0, 0.0), (100, 1.0)]),)), 60, 20)
    assert {used for char, used in rows[-1] if char != " "} == {AXIS}
    assert {"0", "50", "100"} <= set(text(rows)[-1].split())


def test_steps_are_whole_and_shares_end_at_one():
    """A run of two steps has no tick at 0.5, and a metric that may not exceed 1 no axis up to 1.6."""
    chart = Chart("HR@10", (Series("model", [(0, 0.9), (2, 0.95)]),), bounds=(0.0, 1.0))
    scale = scale_of(chart, 80, 12)
    assert all(tick == int(tick) for tick in scale.x_ticks)
    assert scale.y[1] <= 1.0
    for value in (0.0, 0.8, 1.0):
        flat = Chart("HR@10", (Series("model", [(1, value), (2, value)]),), bounds=(0.0, 1.0))
        low, high = scale_of(flat, 80, 12).y
        assert low >= 0.0
        assert high <= 1.0
        assert low < high


def test_a_value_far_outside_the_bounds_is_drawn_at_once() -> None:
    points = ((0.0, 0.5), (5.0, 1e300), (10.0, -1e300))
    rows = draw_chart(Chart("ndcg", (Series("ndcg", points),), bounds=(0.0, 1.0)), 60, 12)
    assert {len(row) for row in rows} == {60}


def test_the_legend_tells_the_last_and_the_best_value():
    points = [(0, 0.1), (10, 0.3), (20, None), (30, 0.2)]
    chart = Chart("NDCG@10, validation, 50 users", (Series("last", points, best=True),))
    legend = "".join(char for char, _ in draw_chart(chart, 70, 8)[0])
    assert legend.startswith("NDCG@10, validation, 50 users  ━ last 0.2, best 0.3 gap at 20")
