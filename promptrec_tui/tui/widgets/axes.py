"""Axes of charts: ends, ticks at round values in even rows, labels. Pure functions of numbers."""

import math
from dataclasses import dataclass
from itertools import pairwise

UNITS = ("step", "epoch", "time")
"""What the x-axis counts; times are seconds."""

TINY = 1e-200
"""Ranges below it count as none: their steps would not be numbers any more."""

NARROW = 0.7
"""Decades below which a logarithmic axis has ticks at round values instead of 1, 2 and 5."""

MOST_TICKS = 8
"""Labels of a y-axis; of more every second or fifth one stays."""

_GROWTH = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_TIME_STEPS = (
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(_MINUTE * step for step in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * step for step in (1, 2, 3, 6, 12)),
)


@dataclass(frozen=True)
class Axis:
    """The values at both ends, and those of the ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """The place of a value: 0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)

    @property
    def step(self) -> float:
        """The distance of the ticks."""
        return next((after - before for before, after in pairwise(self.ticks)), self.high - self.low)


def grown(value: float) -> float:
    """The smallest end of the x-axis that holds `value`: one of `_GROWTH` times a power of ten."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in _GROWTH if power * step >= value * (1 - 1e-12))


def tick_step(low: float, high: float, count: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides low…high into about `count` parts at most."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next((step for step in (1.0, 2.0, 5.0) if power * step >= rough * (1 - 1e-9)), 10.0)


def time_step(seconds: float, count: int) -> float:
    """The step of round seconds, minutes, hours or days that divides so many seconds into `count` parts."""
    rough = seconds / max(count, 1)
    if rough < 1:
        return 1.0
    days = _DAY * max(1.0, tick_step(0, seconds / _DAY, count))
    return next((step for step in _TIME_STEPS if step >= rough * (1 - 1e-9)), days)


def grown_by_ticks(value: float, unit: str) -> float:
    """The end of an axis of epochs or times that holds `value`: it leaps by an eighth or more."""
    if value <= 0:
        return 1.0
    leap = time_step(value, 8) if unit == "time" else tick_step(0, value, 8)
    return math.ceil(value / leap - 1e-9) * leap


def ticks(low: float, high: float, step: float) -> tuple[float, ...]:
    """The multiples of `step` in low…high."""
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return tuple(number * step for number in range(first, last + 1))


def x_axis(low: float, high: float, width: int, unit: str = "step") -> Axis:
    """The axis from `low` to `high` for a plot of `width` cells."""
    count = max(2, width // 12)
    if unit == "time":
        step = time_step(high - low, count)
    else:
        step = tick_step(low, high, count)
        if unit == "step":
            step = max(1.0, step)
    return Axis(low, high, ticks(low, high, step))


def y_axis(low: float, high: float, height: int, bounds: tuple[float, float] = (-math.inf, math.inf)) -> Axis:
    """The axis that holds `low` to `high` in `height` rows (2 or more); its ends are the first and last row.

    Ticks are round and stand in rows of equal distance; none is outside of `bounds`. Of all such axes it is
    the one that the values fill best, with a label every few rows.
    """
    if high - low <= max(1e-9 * max(abs(low), abs(high)), TINY):
        margin = abs(high) * 0.5 if abs(high) > TINY else 0.5
        low, high = low - margin, high + margin
    if min(high, bounds[1]) - max(low, bounds[0]) <= TINY:
        # A damaged log may hold values outside of the bounds only.
        bounds = (-math.inf, math.inf)
    low, high = max(low, bounds[0]), min(high, bounds[1])
    finest = tick_step(low, high, height)
    exponent = math.floor(math.log10(finest) + 1e-9)
    steps = [digit * 10.0**power for power in (exponent, exponent + 1, exponent + 2) for digit in (1, 2, 5)]
    axes = [(_merit(axis, rows), axis) for step in steps for axis, rows in _even(low, high, step, height)]
    if not axes:
        # Two rows for values on both sides of 0.
        step = tick_step(low, high, 1)
        ends = math.floor(low / step) * step, math.ceil(high / step) * step
        return Axis(*ends, ends)
    axis = max(axes, key=lambda entry: entry[0])[1]
    ticks_inside = [tick for tick in axis.ticks if tick <= bounds[1] * (1 + 1e-9)] or list(axis.ticks)
    if len(axis.ticks) > MOST_TICKS:
        wider = _wider(axis.step)
        sparse = [
            tick
            for tick in ticks_inside
            if math.isclose(tick, round(tick / wider) * wider, abs_tol=wider * 1e-6)
        ]
        ticks_inside = sparse if len(sparse) > 1 else ticks_inside
    return Axis(axis.low, axis.high, tuple(ticks_inside))


def _wider(step: float) -> float:
    """The next step of 1, 2 or 5 times a power of ten of which `step` is a whole part."""
    digit = round(step / 10 ** math.floor(math.log10(step) + 1e-9))
    return step * (5 if digit == 2 else 2)


def _even(low: float, high: float, step: float, height: int) -> list[tuple[Axis, tuple[float, int, int]]]:
    """The axis with that step whose ticks are as many rows apart as there is room for; none if there is none.

    With it the share of it that the values fill, the rows between ticks, and the number of ticks.
    """
    bottom = math.floor(low / step + 1e-6) * step
    apart = math.floor((height - 1) * step / (high - bottom) + 1e-9)
    if apart < 1:
        return []
    count = (height - 1) // apart + 1
    top = bottom + step * (height - 1) / apart
    axis = Axis(bottom, top, tuple(bottom + step * number for number in range(count)))
    return [(axis, ((high - low) / (top - bottom), apart, count))] if count > 1 else []


def _merit(axis: Axis, rows: tuple[float, int, int]) -> float:
    filled, apart, count = rows
    crowded = 0.1 if apart == 1 and count > 4 else 0.0
    bare = 0.15 * max(0, 3 - count) + 0.04 * max(0, apart - 5)
    # Of axes that are filled alike, the one with a tick at 0.
    return filled - crowded - bare + (0.02 if axis.low == 0 else 0.0)


def log_axis(low: float, high: float, height: int) -> Axis:
    """The axis of powers of ten from `low` to `high`, both log10 of values, in `height` rows.

    Over two decades or more its ticks are whole decades in even rows, below it 1, 2 and 5 times a power of
    ten, in a narrow range round values.
    """
    if high - low < 1e-5:
        low, high = low - 0.1, high + 0.1
    if high - low >= 2:
        for step in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0):
            for axis, _ in _even(low, high, step, height):
                return axis
    # So few rows that no step is even: whole decades all the same.
    digits = (1,) if high - low >= 2 else (1, 2, 5)
    marks = [math.log10(digit) + power for power in _decades(low, high) for digit in digits]
    if high - low < NARROW:
        step = tick_step(10.0**low, 10.0**high, max(2, height // 3))
        bottom, top = math.floor(10.0**low / step + 1e-6) * step, math.ceil(10.0**high / step - 1e-6) * step
        if bottom > 0:
            marks = [math.log10(value) for value in ticks(bottom, top, step)]
    first = max(mark for mark in marks if mark <= low + 1e-6)
    last = min(mark for mark in marks if mark >= high - 1e-6)
    return Axis(min(first, low), max(last, high), tuple(mark for mark in marks if first <= mark <= last))


def _decades(low: float, high: float) -> range:
    return range(math.floor(low) - 1, math.ceil(high) + 2)


def log_text(power: float) -> str:
    """The label of the tick at 10 to the `power`: at most four digits."""
    # A tick may lie beyond the largest float and below the smallest.
    if abs(power) > 300:
        return f"{10.0 ** (power % 1):.4g}e{math.floor(power)}"
    mantissa, sign, exponent = f"{10.0**power:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if sign else mantissa


def time_text(seconds: float) -> str:
    """A time without zeros: `0s`, `45s`, `1m30s`, `5m`, `1h30m`, `3d`."""
    whole = round(seconds)
    parts = ((whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def tick_text(value: float, step: float) -> str:
    """A tick's label: no more digits than its step needs, powers of ten for very small or large numbers."""
    if abs(value) < step * 1e-6:
        return "0"
    digits = max(0, math.floor(math.log10(abs(value)) + 1e-9) - math.floor(math.log10(step) + 1e-9))
    if (step < 1e-3 or max(abs(value), step) >= 1e6) and (digits <= 2 or abs(value) >= 1e12):
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.') if digits else mantissa}e{int(exponent)}"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
