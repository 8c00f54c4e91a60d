"""Two rankings side by side, in exact cells."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

from promptrec_tui.text import percent
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.cells import cut, padded

Ranked = tuple[str, str, str]
"""Key, title, score as it is shown."""

GAP = 2
SCORE_WIDTH = 7


def ranking_lines(
    heading: str, items: Sequence[Ranked], width: int, glyphs: Glyphs, target: str = ""
) -> list[Text]:
    """A heading and one line per item, each exactly `width` cells; the target, by key or title, is marked."""
    lines = [Text(padded(heading, width, glyphs.more), style="bold")]
    for number, (key, title, score) in enumerate(items, 1):
        hit = bool(target) and target in (key, title)
        left = padded(
            f"{glyphs.target if hit else ' '}{number:>2} {title}", width - SCORE_WIDTH - 1, glyphs.more
        )
        line = Text(left, style="bold green" if hit else "")
        line.append(f" {score:>{SCORE_WIDTH}}", style="dim")
        lines.append(line)
    return lines


def score_text(logprob: float | None, probability: float | None) -> str:
    """A probability in percent; the score in nats where there is none."""
    if probability is not None:
        return percent(probability)
    return "" if logprob is None else f"{logprob:.2f}"


def beside(width: int, *columns: Sequence[Text]) -> Text:
    """Columns in one text, whose lines are all `width` cells or blank."""
    text = Text(no_wrap=True)
    for cells in zip_longest(*columns, fillvalue=Text(" " * width)):
        text.append_text(Text(" " * GAP).join(cells))
        text.append("\n")
    return text


def column_width(width: int, columns: int = 2) -> int:
    """The width of each of some columns, at most what titles need."""
    return max(14, min((width - GAP * (columns - 1)) // columns, 64))


def history_text(titles: Sequence[str], width: int, glyphs: Glyphs, lines: int = 2) -> Text:
    """The newest titles of a history, newest last, in about that many lines; a sign marks older ones."""
    room, kept = (width - 10) * lines, []
    for title in reversed(titles):
        piece = cut(title, 40, glyphs.more)
        room -= cell_len(piece) + 3
        if room < 0:
            break
        kept.append(piece)
    more = f"{glyphs.more} " if len(kept) < len(titles) else ""
    text = Text(f"history ({len(titles)})  ", style="dim")
    text.append(more + " | ".join(reversed(kept)), style="default")
    return text


def history_lines(titles: Sequence[str], width: int, glyphs: Glyphs, lines: int = 30) -> list[Text]:
    """A heading and the newest titles of a history, newest first, one line each."""
    heading = Text(padded(f"history of {len(titles)}, newest first", width, glyphs.more), style="bold")
    return [heading, *(Text(padded(f"  {title}", width, glyphs.more)) for title in titles[: -lines - 1 : -1])]
