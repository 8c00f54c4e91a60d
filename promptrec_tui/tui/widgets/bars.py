"""Horizontal bars as text: a label, a bar in eighths of a cell, a count. Pure."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from promptrec_tui.tui.widgets.cells import cut, padded

EIGHTHS = " ▏▎▍▌▋▊▉"
LABEL_WIDTH = 24


def bar_lines(
    bars: Sequence[tuple[str, int]], width: int, ascii_only: bool = False
) -> Iterator[tuple[str, str, str]]:
    """(label, bar, count) of each bar, together at most `width` cells; the longest bar fills what is left."""
    shown = [cut(label, LABEL_WIDTH, "~" if ascii_only else "…") for label, _ in bars]
    label_width = max(map(cell_len, shown), default=0)
    count_width = max((len(f"{count:,}") for _, count in bars), default=0)
    room = max(width - label_width - count_width - 2, 1)
    most = max((count for _, count in bars), default=0) or 1
    for label, (_, count) in zip(shown, bars, strict=True):
        drawn = _bar(count / most * room, ascii_only, at_least=count > 0)
        yield padded(label, label_width), f"{drawn:<{room}}", f"{count:>{count_width},}"


def _bar(cells: float, ascii_only: bool, at_least: bool) -> str:
    """A bar of that length in cells; a value above zero is always visible."""
    if ascii_only:
        return "#" * max(round(cells), int(at_least))
    eighths = max(round(cells * 8), int(at_least))
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
