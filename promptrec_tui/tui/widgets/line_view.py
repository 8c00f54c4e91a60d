"""Lines of text with a cursor: long ones are wrapped, and what is sought stands out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.copying import Copied

KINDS = ("dim", "heading", "changed", "fault", "match")
"""How parts of a line are shown, as component classes `lines--…`; the later one counts where two overlap."""

Part = tuple[int, int, str]
"""From, to, and one of `KINDS`."""


@dataclass(frozen=True)
class Line:
    """`copies`: what the copy key takes in place of the text; `key`: what the line is known by."""

    text: str
    parts: tuple[Part, ...] = ()
    copies: str = ""
    key: int = 0


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Fill it with `show`; it posts `Moved` when other lines are in view or under the cursor.

    The keys of a text move the cursor, which then is in view. `noun` says what is copied.
    """

    BINDINGS = bindings("scroll")
    PANE = "scroll"
    COMPONENT_CLASSES = {"lines--cursor"} | {f"lines--{kind}" for kind in KINDS}

    cursor: reactive[int] = reactive(0)
    """The number of the line under the cursor."""

    sought: reactive[str] = reactive("")
    """The text that stands out; in lower case it stands for capitals too."""

    class Moved(Message):
        """Another line is under the cursor, or others are in view."""

    class Jumped(Message):
        """The cursor was sent to the beginning or to the end."""

        def __init__(self, to_end: bool) -> None:
            super().__init__()
            self.to_end = to_end

    def __init__(self, noun: str = "line", id: str | None = None) -> None:
        super().__init__(id=id)
        self.noun = noun
        self.lines: list[Line] = []
        self._rows: list[tuple[int, int, int]] = []
        """Of each row its line, and where in the line the row begins and ends."""
        self._tops: list[int] = []
        """The first row of each line."""
        self._width = 0

    def show(self, lines: Sequence[Line], cursor: int | None = None) -> None:
        """Show these lines with the cursor on one of them, in view; by default it stays at its number."""
        same = 0
        for before, after in zip(self.lines, lines, strict=False):
            if before is not after:
                break
            same += 1
        self.lines = list(lines)
        self._wrap(same)
        self.set_reactive(LineView.cursor, self.validate_cursor(self.cursor if cursor is None else cursor))
        if cursor is not None:
            self._bring_into_view()
        self.refresh()

    def put_before(self, lines: Sequence[Line]) -> None:
        """Put lines above the first one. What is in view stays in view."""
        rows = len(self._rows)
        self.lines = [*lines, *self.lines]
        self._wrap()
        self.set_reactive(LineView.cursor, self.validate_cursor(self.cursor + len(lines)))
        self._scroll(self.scroll_y + len(self._rows) - rows)
        self.refresh()

    def drop(self, first: int = 0, last: int = 0) -> None:
        """Forget so many of the first and of the last lines. What is in view stays in view."""
        rows = self._tops[first] if first < len(self._tops) else len(self._rows)
        self.lines = self.lines[first : len(self.lines) - last]
        self._wrap()
        self.set_reactive(LineView.cursor, self.validate_cursor(self.cursor - first))
        if rows:
            self._scroll(self.scroll_y - rows)
        self.refresh()

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last line and that is in view."""
        return self.cursor >= len(self.lines) - 1 and self.is_vertical_scroll_end

    @property
    def first_in_view(self) -> int:
        """The number of the first line in view."""
        row = min(self.scroll_offset.y, len(self._rows) - 1)
        return self._rows[row][0] if row >= 0 else 0

    @property
    def last_in_view(self) -> int:
        """The number of the last line in view."""
        row = min(self.scroll_offset.y + self.size.height, len(self._rows)) - 1
        return self._rows[row][0] if row >= 0 else 0

    def copied(self) -> Copied | None:
        """The line under the cursor."""
        if self.cursor >= len(self.lines):
            return None
        line = self.lines[self.cursor]
        return Copied(self.noun, line.copies or line.text)

    def find(self, sought: str, forward: bool) -> int | None:
        """The number of the next line with a text after the cursor, or before it; around the end too."""
        count = len(self.lines)
        turns = range(1, count + 1) if forward else range(count - 1, -1, -1)
        places = ((self.cursor + turn) % count for turn in turns)
        return next((place for place in places if any(matches(self.lines[place].text, sought))), None)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = self.scroll_offset.y + y
        if row >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        number, start, stop = self._rows[row]
        line = self.lines[number]
        parts = [*line.parts, *((*place, "match") for place in matches(line.text, self.sought))]
        under = self._style("cursor") if number == self.cursor else self.rich_style
        edges = sorted({start, stop, *(edge for part in parts for edge in part[:2] if start < edge < stop)})
        segments = []
        for left, right in pairwise(edges):
            style = under
            for begin, end, kind in parts:
                if begin <= left < end:
                    style = under + self._style(kind)
            segments.append(Segment(line.text[left:right], style))
        return Strip(segments).adjust_cell_length(width, under)

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"lines--{kind}", partial=kind != "cursor")

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.lines) - 1))

    def watch_cursor(self) -> None:
        self._bring_into_view()
        self.refresh()
        self.post_message(self.Moved())

    def watch_sought(self) -> None:
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())

    def on_resize(self) -> None:
        follows = self.at_end
        self._wrap(len(self.lines))
        if follows:
            self._bring_into_view()

    def on_click(self, event: events.Click) -> None:
        if (row := self.scroll_offset.y + event.y) < len(self._rows):
            self.cursor = self._rows[row][0]

    def action_scroll_down(self) -> None:
        self._move(1)

    def action_scroll_up(self) -> None:
        self._move(-1)

    def action_scroll_home(self) -> None:
        self.cursor = 0
        self._bring_into_view()
        self.post_message(self.Jumped(to_end=False))

    def action_scroll_end(self) -> None:
        self.cursor = len(self.lines) - 1
        self._bring_into_view()
        self.post_message(self.Jumped(to_end=True))

    def action_page_down(self) -> None:
        self._turn_page(1)

    def action_page_up(self) -> None:
        self._turn_page(-1)

    def _move(self, by: int) -> None:
        self._catch_cursor()
        self.cursor += by

    def _turn_page(self, by: int) -> None:
        """One page further; the cursor keeps its distance from the top."""
        if not self._rows:
            return
        self._catch_cursor()
        page = max(1, self.size.height - 1) * by
        row = min(max(self._tops[self.cursor] + page, 0), len(self._rows) - 1)
        self._scroll(self.scroll_y + page)
        self.cursor = self._rows[row][0]

    def _scroll(self, row: float) -> None:
        # Deferred, the next key would begin at the old place.
        self.scroll_to(y=row, animate=False, force=True, immediate=True)

    def _catch_cursor(self) -> None:
        """Put the cursor into view, if the wheel has moved the view away from it."""
        if self._rows:
            inside = min(max(self.cursor, self.first_in_view), self.last_in_view)
            self.set_reactive(LineView.cursor, inside)

    def _bring_into_view(self) -> None:
        if self.cursor >= len(self._tops):
            return
        height = max(1, self.size.height)
        first = self._tops[self.cursor]
        after = self._tops[self.cursor + 1] if self.cursor + 1 < len(self._tops) else len(self._rows)
        top = self.scroll_offset.y
        if first < top or after - first >= height:
            self._scroll(first)
        elif after > top + height:
            self._scroll(after - height)

    def _wrap(self, same: int = 0) -> None:
        """Divide the lines into rows, except for the first ones if they are the same as before."""
        width = self.scrollable_content_region.width
        if width <= 0:
            # It is hidden; when it is shown, it is resized.
            self._width, self._rows, self._tops = 0, [], []
            return
        if width != self._width:
            self._width, same = width, 0
        same = min(same, len(self._tops))
        del self._rows[self._tops[same] if same < len(self._tops) else len(self._rows) :]
        del self._tops[same:]
        for number in range(same, len(self.lines)):
            self._tops.append(len(self._rows))
            self._rows.extend((number, *place) for place in wrapped(self.lines[number].text, width))
        self.virtual_size = Size(width, len(self._rows))


def matches(text: str, sought: str) -> Iterator[tuple[int, int]]:
    """Where a text contains another one; if that has no capitals, the case does not matter."""
    if sought == sought.lower():
        lowered = text.lower()
        # Some capitals have a longer small form, which moves all that follows.
        text = lowered if len(lowered) == len(text) else text
    place = text.find(sought) if sought else -1
    while place >= 0:
        yield place, place + len(sought)
        place = text.find(sought, place + len(sought))


def wrapped(text: str, width: int) -> list[tuple[int, int]]:
    """Where the rows of a text begin and end, each of at most `width` cells; one at least."""
    if text.isascii():
        return [(start, min(start + width, len(text))) for start in range(0, max(len(text), 1), width)]
    rows, start, cells = [], 0, 0
    for place, char in enumerate(text):
        size = get_character_cell_size(char)
        if cells + size > width and place > start:
            rows.append((start, place))
            start, cells = place, 0
        cells += size
    return [*rows, (start, len(text))]
