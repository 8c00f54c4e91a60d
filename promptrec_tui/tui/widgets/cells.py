"""Text cut to a number of terminal cells. A Chinese character takes two."""

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from promptrec_tui.text import clean


def cut(text: str, width: int, more: str = "…") -> str:
    """`text`, cleaned, in at most `width` cells; `more` marks a cut."""
    text = clean(text)
    if cell_len(text) <= width:
        return text
    return (set_cell_size(text, width - 1).rstrip() + more) if width > 0 else ""


def padded(text: str, width: int, more: str = "…") -> str:
    """`cut`, filled with spaces to exactly `width` cells."""
    return set_cell_size(cut(text, width, more), max(width, 0))


def fit(text: str, width: int, style: str = "", more: str = "…") -> Text:
    """`cut` as a Text, for tables, whose plain strings are markup."""
    return Text(cut(text, width, more), style=style, no_wrap=True)
