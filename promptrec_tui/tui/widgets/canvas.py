"""Dots in cells, for line charts: Braille characters of 2 by 4 dots, or with ASCII only one mark a cell."""

from dataclasses import dataclass, field

AXIS, LINE, TITLE, CURSOR, MARK, FAINT = -1, -2, -3, -4, -5, -6
"""Inks besides those of the series, which are the series' numbers."""

Cell = tuple[str, int]
Row = tuple[Cell, ...]

BLANK: Cell = (" ", AXIS)

BRAILLE, PLAIN = (2, 4), (1, 1)
"""Dots of a cell, across and down."""

SIGNS = "*+ox%#"
"""Marks of the series with ASCII only."""

FAINT_SIGN = "."

_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

_RUNS = [[[sum(side[first : last + 1]) for last in range(4)] for first in range(4)] for side in _BITS]
"""The bits of a run of dots, by column in the cell, first and last row."""


@dataclass
class Canvas:
    """`width` by `height` cells with `per_cell` dots across and down. The last ink used in a cell colours it.

    `work` counts the changed cells, for tests.
    """

    width: int
    height: int
    per_cell: tuple[int, int]
    masks: list[int] = field(default_factory=list)
    inks: list[int] = field(default_factory=list)
    work: int = 0

    def __post_init__(self) -> None:
        self.masks = [0] * (self.width * self.height)
        self.inks = [AXIS] * (self.width * self.height)

    @property
    def columns(self) -> int:
        return self.width * self.per_cell[0]

    @property
    def rows(self) -> int:
        return self.height * self.per_cell[1]

    def rise(self, column: int, first: int, last: int, ink: int) -> None:
        """Set the dots of a column from row `first` to row `last`, counted from the left and from the top."""
        if not 0 <= column < self.columns:
            return
        across, down = self.per_cell
        if first > last:
            first, last = last, first
        first, last = max(first, 0), min(last, self.height * down - 1)
        if first > last:
            return
        runs, place = _RUNS[column % across], column // across
        top, bottom = first // down, last // down
        for row in range(top, bottom + 1):
            start = first % down if row == top else 0
            stop = last % down if row == bottom else down - 1
            cell = row * self.width + place
            self.masks[cell] |= runs[start][stop]
            self.inks[cell] = ink
        self.work += bottom - top + 1

    def join(
        self, start: tuple[int, int], end: tuple[int, int], ink: int, dash: tuple[int, int] = (1, 1)
    ) -> None:
        """A straight line of dots from `start` to `end` (column, row), with a dash pattern of columns."""
        if start[0] > end[0]:
            start, end = end, start
        (left, before), (right, after) = start, end
        slope = (after - before) / max(right - left, 1)
        top, bottom = min(before, after), max(before, after)
        half = max(0.0, abs(slope) / 2 - 0.5)
        for column in range(max(left, 0), min(right, self.columns - 1) + 1):
            if self.per_cell != PLAIN and column % dash[1] >= dash[0]:
                continue
            if left == right:
                self.rise(column, before, after, ink)
                continue
            middle = before + slope * (column - left)
            if half:
                self.rise(column, max(round(middle - half), top), min(round(middle + half), bottom), ink)
            else:
                row = round(middle)
                self.rise(column, row, row, ink)

    def row(self, number: int) -> list[Cell]:
        """The characters of one row of cells and their inks."""
        place = number * self.width
        dots = zip(self.masks[place : place + self.width], self.inks[place : place + self.width], strict=True)
        if self.per_cell == PLAIN:
            return [(plain_sign(ink), ink) if mask else BLANK for mask, ink in dots]
        return [(chr(0x2800 + mask), ink) if mask else BLANK for mask, ink in dots]


def plain_sign(ink: int) -> str:
    """The mark of an ink with ASCII only."""
    return {LINE: "-", FAINT: FAINT_SIGN}.get(ink) or SIGNS[ink % len(SIGNS)]
