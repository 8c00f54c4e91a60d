"""Fewer points of a curve, with its spikes and its gaps."""

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[int, float | None]


def thin(points: Sequence[Point], max_points: int) -> list[Point]:
    """At most `max_points` (5 or more) of `points`, in their order.

    The first and the last point stay. The others are cut into equal stretches, of which each keeps its least
    and its greatest value, so that no spike is lost, and one gap (None) if it has any.
    """
    if len(points) <= max_points:
        return list(points)
    inner = points[1:-1]
    kept_of_each = 3 if any(value is None for _, value in inner) else 2
    stretches = max(1, (max_points - 2) // kept_of_each)
    bounds = [len(inner) * number // stretches for number in range(stretches + 1)]
    kept = [points[0]]
    for start, stop in pairwise(bounds):
        kept += _extremes(inner[start:stop])
    return [*kept, points[-1]]


def _extremes(stretch: Sequence[Point]) -> list[Point]:
    numbers = [(value, index) for index, (_, value) in enumerate(stretch) if value is not None]
    gaps = [index for index, (_, value) in enumerate(stretch) if value is None]
    kept = {min(numbers)[1], max(numbers)[1]} if numbers else set()
    return [stretch[index] for index in sorted(kept | set(gaps[:1]))]
