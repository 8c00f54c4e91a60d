"""Screens of a terminal as one animated SVG: no script, no font of its own, each row of cells drawn once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from xml.sax.saxutils import escape

WIDTH, HEIGHT, BASE, MARGIN = 8.4, 18, 14, 12
"""Of a cell, from its top to its base line, and around the terminal."""

FORE, BACK = "#e0e0e0", "#121212"
"""Where the program asks for no colour."""

STYLE = """\
text{{font:14px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre}}
.b{{font-weight:bold}}
#film{{transform:translateY(-{still}px);animation:film {seconds:.1f}s step-end infinite}}
@keyframes film{{{moments}}}
@media (prefers-reduced-motion:reduce){{#film{{animation:none}}}}
"""


@dataclass(frozen=True)
class Cell:
    """A character, empty behind a wide one; colours are `#rrggbb`."""

    text: str
    fore: str = FORE
    back: str = BACK
    bold: bool = False


Row = tuple[Cell, ...]
Places = Sequence[tuple[int, Cell]]
"""Cells with their columns."""


@dataclass(frozen=True)
class Frame:
    """A screen, the line below it, and how long it is shown."""

    rows: tuple[Row, ...]
    caption: str
    seconds: float


def animated_svg(frames: Sequence[Frame], still: int = -1) -> str:
    """The frames one after the other, for ever; frame number `still` where pictures do not move."""
    columns, lines = len(frames[0].rows[0]), len(frames[0].rows) + 1
    width, height = round(columns * WIDTH) + 2 * MARGIN, lines * HEIGHT + 2 * MARGIN
    numbers: dict[Row, int] = {}
    placed = [
        f'<use href="#r{numbers.setdefault(row, len(numbers))}" y="{line * HEIGHT + BASE}"/>'
        for line, row in enumerate(row for frame in frames for row in (*frame.rows, _caption(frame.caption)))
    ]
    starts = [0.0, *accumulate(frame.seconds for frame in frames)]
    moments = "".join(
        f"{100 * start / starts[-1]:.3f}%{{transform:translateY(-{number * lines * HEIGHT}px)}}"
        for number, start in enumerate(starts[:-1])
    )
    inks: dict[str, int] = {}
    drawn = [f'<g id="r{number}">{"".join(_drawn(row, inks))}</g>' for row, number in numbers.items()]
    colours = "".join(f".c{number}{{fill:{ink}}}" for ink, number in inks.items())
    style = STYLE.format(
        still=(still % len(frames)) * lines * HEIGHT,
        seconds=starts[-1],
        moments=moments,
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}">',
            f"<style>{style}{colours}</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{BACK}"/>',
            "<defs>",
            *drawn,
            "</defs>",
            f'<svg x="{MARGIN}" y="{MARGIN}" width="{columns * WIDTH:.1f}" height="{lines * HEIGHT}">',
            '<g id="film">',
            *placed,
            "</g>",
            "</svg>",
            "</svg>",
            "",
        ]
    )


def _caption(text: str) -> Row:
    return tuple(Cell(char, "#8a8a8a") for char in text)


def _drawn(row: Row, inks: dict[str, int]) -> Iterable[str]:
    """A rectangle for each background, a text for each style, on a base line of 0; blanks are left out.

    `inks` numbers the colours of texts.
    """
    places = list(enumerate(row))
    for back, cells in groupby(places, lambda place: place[1].back):
        if back != BACK:
            start, length = _extent(list(cells))
            yield f'<rect x="{start}" y="-{BASE}" width="{length}" height="{HEIGHT}" fill="{back}"/>'
    for (fore, bold), cells in groupby(places, lambda place: (place[1].fore, place[1].bold)):
        for run in _words(list(cells)):
            start, length = _extent(run)
            words = escape("".join(cell.text for _, cell in run))
            style = f"c{inks.setdefault(fore, len(inks))}" + (" b" if bold else "")
            # Signs that the font lacks come from another one, whose cells are as wide as they are.
            whole = "" if words.isascii() else ' lengthAdjust="spacingAndGlyphs"'
            yield f'<text x="{start}" textLength="{length}"{whole} class="{style}">{words}</text>'


def _words(cells: Places) -> Iterable[Places]:
    """The parts of a row between two blanks or more."""
    run: list[tuple[int, Cell]] = []
    for place in cells:
        run.append(place)
        if "".join(cell.text for _, cell in run[-2:]) == "  ":
            if part := _stripped(run):
                yield part
            run = []
    if part := _stripped(run):
        yield part


def _stripped(run: Places) -> Places:
    """Cells without the blanks at both ends."""
    filled = [number for number, (_, cell) in enumerate(run) if cell.text.strip()]
    return run[filled[0] : filled[-1] + 1] if filled else []


def _extent(run: Places) -> tuple[str, str]:
    """Where cells begin, and how long they are."""
    return f"{run[0][0] * WIDTH:.4g}", f"{len(run) * WIDTH:.4g}"
