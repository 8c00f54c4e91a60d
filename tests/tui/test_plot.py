"""The pure part of the charts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from promptrec_tui.tui.widgets.axes import UNITS
from promptrec_tui.tui.widgets.canvas import AXIS, CURSOR, FAINT, LINE, MARK, Canvas, Row
from promptrec_tui.tui.widgets.chart import Chart, Mark, Series, cut, scale_of, value_text
from promptrec_tui.tui.widgets.plot import draw_chart, picture_of, with_cursor

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
    st.booleans(),
    st.sampled_from(UNITS),
    st.none() | st.tuples(st.floats(0, 40), st.floats(1, 60)).map(lambda ends: (ends[0], sum(ends))),
    st.none() | st.integers(0, 60),
)
def test_any_chart_fills_exactly_its_cells(
    series, lines, width, height, ascii_only, log, unit, window, cursor
):
    marks = (Mark(3), Mark(5, best=True))
    smooth = tuple(Series(one.name, one.points[::2], raw=one.points) for one in series)
    chart = Chart("a title", (*series, *smooth), tuple(lines), window=window, log=log, unit=unit, marks=marks)
    rows = with_cursor(picture_of(chart, width, height, ascii_only), chart, cursor)
    assert len(rows) == height
    assert all(cell_len("".join(char for char, _ in row)) == width == len(row) for row in rows)
    if ascii_only:
        assert "".join(text(rows)).isascii()


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


def test_values_read_well():
    assert value_text(1.93214) == "1.932"
    assert value_text(0.0002) == "2.00e-04"
    assert value_text(None) == "nan"


def test_every_axis_label_is_drawn_in_the_ink_of_axes():
    rows = draw_chart(Chart("", (Series("s", [(0, 0.0), (100, 1.0)]),)), 60, 20)
    assert {used for char, used in rows[-1] if char != " "} == {AXIS}
    assert {"0", "50", "100"} <= set(text(rows)[-1].split())


def test_steps_are_whole_and_shares_end_at_one():
    """A run of two steps has no tick at 0.5, and a metric that may not exceed 1 no tick at 1.2."""
    chart = Chart("HR@10", (Series("model", [(0, 0.9), (2, 0.95)]),), bounds=(0.0, 1.0))
    scale = scale_of(chart, 80, 12)
    assert all(tick == int(tick) for tick in scale.x.ticks)
    assert scale.y.ticks[-1] <= 1.0
    for value in (0.0, 0.8, 1.0):
        flat = Chart("HR@10", (Series("model", [(1, value), (2, value)]),), bounds=(0.0, 1.0))
        axis = scale_of(flat, 80, 12).y
        assert axis.low >= 0.0
        assert axis.ticks[-1] <= 1.0
        assert axis.low < axis.high


def test_a_value_far_outside_the_bounds_is_drawn_at_once() -> None:
    points = ((0.0, 0.5), (5.0, 1e300), (10.0, -1e300))
    rows = draw_chart(Chart("ndcg", (Series("ndcg", points),), bounds=(0.0, 1.0)), 60, 12)
    assert {len(row) for row in rows} == {60}


def test_the_legend_tells_the_last_and_the_best_value():
    points = [(0, 0.1), (10, 0.3), (20, None), (30, 0.2)]
    chart = Chart("NDCG@10, validation, 50 users", (Series("last", points, best=True),))
    legend = "".join(char for char, _ in draw_chart(chart, 70, 8)[0])
    assert legend.startswith("NDCG@10, validation, 50 users  ━ last 0.2, best 0.3 gap at 20")


def cells_of(rows: tuple[Row, ...], used: int) -> list[tuple[int, int, str]]:
    return [(x, y, char) for y, row in enumerate(rows) for x, (char, ink) in enumerate(row) if ink == used]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_cursor_is_a_line_with_a_dot_on_each_curve(ascii_only):
    chart = Chart("loss", (Series("train", [(x, float(x)) for x in range(0, 101, 5)]),))
    picture = picture_of(chart, 60, 14, ascii_only)
    rows = with_cursor(picture, chart, 40)
    line = cells_of(rows, CURSOR)
    assert len({x for x, _, _ in line}) == 1
    assert len(line) >= 10
    dots = [(x, y) for x, y, char in cells_of(rows, 0) if y and char in "●@"]
    assert len(dots) == 1
    assert dots[0][0] == line[0][0]
    # The dot is on the row of its value.
    labels = {text(rows)[number].split("┤")[0].split("+")[0].strip(): number for number in range(1, 12)}
    assert labels["40"] == dots[0][1]
    assert with_cursor(picture, chart, None) == picture.rows
    assert with_cursor(picture, chart, 1000) == picture.rows


def test_a_window_is_drawn_over_the_whole_width():
    chart = Chart("loss", (Series("train", [(x, float(x)) for x in range(1001)]),), window=(300, 340))
    rows = draw_chart(chart, 70, 16)
    columns = [x for x, _ in ink(rows, 0)]
    assert min(columns) <= 4
    assert max(columns) == 69
    assert {"300", "310", "320", "330", "340"} <= set(text(rows)[-1].split())
    labels = [float(row.split("┤")[0]) for row in text(rows) if "┤" in row]
    assert 290 <= min(labels) <= 300
    assert 340 <= max(labels) <= 350


def test_a_curve_enters_and_leaves_a_window_where_it_crosses_its_ends():
    points = [(0, 0.0), (10, 10.0), (20, None), (30, 30.0), (40, 40.0)]
    assert cut(points, 5, 8) == [(5, 5.0), (8, 8.0)]
    assert cut(points, 10, 35) == [(10, 10.0), (20, None), (30, 30.0), (35, 35.0)]
    assert cut(points, 12, 18) == []
    assert cut([(0, 1.0), (10, 100.0)], 5, 20, log=True) == [(5, pytest.approx(10.0)), (10, 100.0)]


def test_on_a_logarithmic_axis_zeros_are_gaps_and_counted():
    points = [(0, 1.0), (10, 0.0), (20, -1.0), (30, 100.0)]
    rows = draw_chart(Chart("loss", (Series("train", points),), log=True), 80, 14)
    assert "2 of 0 or less left out from 10" in text(rows)[0]
    assert {"1", "10", "100"} <= {row.split("┤")[0].strip() for row in text(rows)}
    # Both ends are single dots: nothing joins them over the gap.
    assert len(ink(rows, 0)) == 2
    nothing = draw_chart(Chart("loss", (Series("train", [(0, 0.0)]),), log=True), 80, 14)
    assert "no points yet" in "".join(text(nothing))


@pytest.mark.parametrize(("ascii_only", "saved", "best"), [(False, "◆", "★"), (True, "o", "*")])
def test_checkpoints_and_the_best_step_are_marked_by_signs(ascii_only, saved, best):
    marks = (Mark(20), Mark(40, best=True), Mark(40), Mark(200))
    chart = Chart("loss", (Series("train", [(x, float(x)) for x in range(101)]),), marks=marks)
    drawn = cells_of(draw_chart(chart, 60, 14, ascii_only), MARK)
    assert [char for _, _, char in sorted(drawn)] == [saved, best]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_raw_curve_is_faint_dots_behind_the_smooth_one(ascii_only):
    raw = [(x, 2.0 + math.sin(x * 2.1)) for x in range(100)]
    smooth = [(x, 2.0) for x in range(100)]
    chart = Chart("loss", (Series("train", smooth, raw=raw),))
    rows = draw_chart(chart, 70, 16, ascii_only)
    assert len(cells_of(rows, FAINT)) > 20
    # The legend tells the last measured value.
    assert f"train {value_text(raw[-1][1])}" in text(rows)[0]
    assert len({y for _, y in ink(rows, 0)}) == 1


def test_a_cursor_that_moves_draws_no_curve(monkeypatch):
    chart = Chart("loss", (Series("train", [(x, float(x)) for x in range(400)]),))
    picture = picture_of(chart, 150, 40)
    monkeypatch.setattr(Canvas, "rise", None)
    assert with_cursor(picture, chart, 10) != with_cursor(picture, chart, 200)


def test_the_work_of_a_curve_is_bounded_by_its_columns_and_rows():
    canvas = Canvas(80, 20, (2, 4))
    for column in range(159):
        canvas.join((column, 0), (column + 1, 79), 0)
    assert canvas.work <= 2 * 160 * 21
    canvas.join((-(10**9), 5), (10**9, 6), 0)
    assert canvas.work <= 2 * 160 * 21 + 160
