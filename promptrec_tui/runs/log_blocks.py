"""Parts of a log of any size as lines that a person may read: no more is read than what is shown.

A line is what a terminal would leave of it: the last state of one that was rewritten, without colours. Places
are offsets in bytes.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from promptrec_tui.files import open_regular
from promptrec_tui.runs.diagnosis import is_fault
from promptrec_tui.text import clean

BLOCK = 1 << 18
"""Bytes that are read at once. A line of more is read in parts."""

STEP = 1 << 24
"""Bytes that one step of a search reads at most."""

LONGEST = 4_000
"""Characters that are shown of a line."""

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\))")
"""Control sequences for colours, cursor moves, titles and links."""


@dataclass(frozen=True)
class LogLine:
    """`start`: its place; `fault`: whether it reports an error."""

    start: int
    text: str
    fault: bool = False


@dataclass(frozen=True)
class LogBlock:
    """The lines of `path` from `start` to `end`, and the size of the file.

    `unfinished` is the line at the end of the file that goes on being written; it begins at `end`.
    """

    path: Path
    size: int
    start: int
    end: int
    lines: tuple[LogLine, ...] = ()
    unfinished: LogLine | None = None

    @property
    def at_end(self) -> bool:
        """Whether it holds the end of the file."""
        return self.unfinished is not None or self.end >= self.size


@dataclass(frozen=True)
class SearchStep:
    """The place of the line that was sought, None if it was not among what was read; where to go on."""

    line: int | None
    reached: int
    size: int


def lines_before(path: Path, end: int | None = None) -> LogBlock:
    """The last lines before a place, by default before the end of the file; none if there is no file."""
    start, data, size = _data_before(path, end)
    if end is None:
        return _with_unfinished(path, size, start, data)
    return LogBlock(path, size, start, start + len(data), _lines(data, start))


def lines_after(path: Path, start: int) -> LogBlock:
    """The lines from a place on, at most a block of them."""
    start, data, size = _data_after(path, start)
    if start + len(data) >= size:
        return _with_unfinished(path, size, start, data)
    return LogBlock(path, size, start, start + len(data), _lines(data, start))


def find_line(path: Path, sought: str, place: int, forward: bool) -> SearchStep:
    """Look for the first line from `place` on that contains a text, or for the last one before it.

    An empty text stands for a fault. After `STEP` bytes it stops, to go on from the place it has reached.
    """
    begun, read = place, _data_after if forward else _data_before
    while True:
        start, data, size = read(path, place)
        if _may_contain(data, sought):
            lines = _lines(data, start)
            for line in lines if forward else reversed(lines):
                if contains(line.text, sought) if sought else line.fault:
                    return SearchStep(line.start, place, size)
        place = start + len(data) if forward else start
        if not data or place in (0, size) or abs(place - begun) >= STEP:
            return SearchStep(None, place, size)


def contains(text: str, sought: str) -> bool:
    """Whether a text contains another one; if that has no capitals, the case does not matter."""
    return sought in (text.lower() if sought == sought.lower() else text)


def shown_line(data: bytes) -> str:
    """A line without its end as a terminal would leave it: the last state that says something."""
    text = _ESCAPES.sub("", data.decode(errors="replace"))
    states = text.split("\r")
    text = clean(next((state for state in reversed(states) if state.strip()), states[-1]))
    if len(text) > LONGEST:
        return f"{text[:LONGEST]} ({len(text) - LONGEST:,} more characters)"
    return text


def _with_unfinished(path: Path, size: int, start: int, data: bytes) -> LogBlock:
    whole = data[: data.rfind(b"\n") + 1]
    if not whole and len(data) >= BLOCK:
        whole = data
    end = start + len(whole)
    rest = data[len(whole) :]
    return LogBlock(path, size, start, end, _lines(whole, start), _line(end, rest) if rest else None)


def _lines(data: bytes, start: int) -> tuple[LogLine, ...]:
    lines = []
    for line in data.removesuffix(b"\n").split(b"\n") if data else ():
        lines.append(_line(start, line))
        start += len(line) + 1
    return tuple(lines)


def _line(start: int, data: bytes) -> LogLine:
    text = shown_line(data)
    return LogLine(start, text, is_fault(text))


def _may_contain(data: bytes, sought: str) -> bool:
    """Whether its lines must be looked at one by one: most blocks of a large log lack the longest word."""
    if not sought:
        return is_fault(data.decode("latin-1"))
    if not sought.isascii() or not sought.strip():
        return True
    word = max(sought.split(), key=len)
    # The case matters, or not, by the whole text.
    return word in (data.lower() if sought == sought.lower() else data).decode("latin-1")


def _data_before(path: Path, end: int | None) -> tuple[int, bytes, int]:
    """Where the data before a place begin, at the start of a line; the data, and the size of the file."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            stop = size if end is None else min(end, size)
            start = max(0, stop - BLOCK)
            # The byte before tells whether a line begins here.
            file.seek(max(0, start - 1))
            data = file.read(stop - max(0, start - 1))
    except OSError:
        return 0, b"", 0
    if start:
        newline = data.find(b"\n")
        begun = 1 if newline in (-1, len(data) - 1) else newline + 1
        data, start = data[begun:], start - 1 + begun
    return start, data, size


def _data_after(path: Path, start: int) -> tuple[int, bytes, int]:
    """The data from a place on: whole lines, and at the end of the file the unfinished one."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(start)
            data = file.read(BLOCK)
    except OSError:
        return 0, b"", 0
    if start + len(data) < size:
        data = data[: data.rfind(b"\n") + 1] or data
    return start, data, size
