"""Two rankings side by side, in exact cells."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.cells import cut, padded

Ranked = tuple[str, str, float | None]
"""Key, title, log-probability."""

GAP = 2
SCORE_WIDTH = 7


def ranking_lines(
    heading: str, items: Sequence[Ranked], width: int, glyphs: Glyphs, target: str = ""
) -> list[Text]:
    """A heading and a line an item, each exactly `width` cells; the target, by key or title, is marked."""
    lines = [Text(padded(heading, width, glyphs.more), style="bold")]
    for number, (key, title, logprob) in enumerate(items, 1):
        hit = bool(target) and target in (key, title)
        score = f"{logprob:.2f}" if logprob is not None else ""
        left = padded(
            f"{glyphs.target if hit else ' '}{number:>2} {title}", width - SCORE_WIDTH - 1, glyphs.more
        )
        line = Text(left, style="bold green" if hit else "")
        line.append(f" {score:>{SCORE_WIDTH}}", style="dim")
        lines.append(line)
    return lines


def beside(left: Sequence[Text], right: Sequence[Text], width: int) -> Text:
    """Two columns in one text; `width` is the left one's."""
    text = Text(no_wrap=True)
    for one, other in zip_longest(left, right, fillvalue=None):
        text.append_text(one if one is not None else Text(" " * width))
        text.append(" " * GAP)
        if other is not None:
            text.append_text(other)
        text.append("\n")
    return text


def column_width(width: int) -> int:
    """The width of each of two columns, at most what titles need."""
    return max(20, min((width - GAP) // 2, 72))


def history_text(titles: Sequence[str], width: int, glyphs: Glyphs, lines: int = 2) -> Text:
    """The newest titles of a history, newest last, in about so many lines; a sign stands for older ones."""
    room, kept = (width - 10) * lines, []
    for title in reversed(titles):
        piece = cut(title, 40, glyphs.more)
        room -= cell_len(piece) + 3
        if room < 0:
            break
        kept.append(piece)
    more = f"{glyphs.more} " if len(kept) < len(titles) else ""
    text = Text(f"history ({len(titles)})  ", style="dim")
    text.append(more + " · ".join(reversed(kept)), style="default")
    return text
