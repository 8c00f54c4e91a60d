"""The last look at what goes to the terminal."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from promptrec_tui.text import is_harmless


class LastLook(LineFilter):
    """Takes out of each drawn line what `clean` takes out of a text.

    Whoever shows data cleans them, since a width is measured before a line is drawn. This is for what was
    forgotten, and for what people paste: no screen sends control characters from data to a terminal.
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
