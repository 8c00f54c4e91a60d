"""A filter for all output to the terminal."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from promptrec_tui.text import is_harmless


class OutputFilter(LineFilter):
    """Removes from each drawn line the characters that `clean` removes from a text.

    Screens clean the data that they show, because widths are measured before a line is drawn. The filter
    catches what they missed and what people paste: no control sequence from data reaches the terminal.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment
            if segment.text.isprintable()
            else Segment("".join(filter(is_harmless, segment.text)), segment.style)
            for segment in segments
        ]
