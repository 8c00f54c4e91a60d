from hypothesis import given
from hypothesis import strategies as st

from promptrec_tui.store.series import thin

VALUES = st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), max_size=400)


@given(VALUES, st.integers(5, 60))
def test_thin_keeps_ends_extremes_and_order(values: list[float | None], limit: int) -> None:
    points = list(enumerate(values))
    kept = thin(points, limit)
    assert len(kept) <= limit or len(kept) == len(points) <= limit
    assert kept == sorted(set(kept), key=lambda point: point[0])
    assert set(kept) <= set(points)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    numbers = [value for value in values if value is not None]
    if numbers:
        shown = [value for _, value in kept if value is not None]
        assert (min(shown), max(shown)) == (min(numbers), max(numbers))
    assert (None in values) == any(value is None for _, value in kept)


def test_few_points_stay_as_they_are() -> None:
    points = [(1, 2.0), (2, None), (3, 1.0)]
    assert thin(points, 5) == points


def test_a_spike_and_a_gap_survive_in_their_places() -> None:
    values: list[float | None] = [1.0] * 10_000
    values[1234], values[7000] = 99.0, None
    kept = thin(list(enumerate(values)), 100)
    assert (1234, 99.0) in kept
    assert (7000, None) in kept
    assert 60 <= len(kept) <= 100
