"""The end of an attempt's log, as a person may see it; read from its end, however long it is."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from promptrec_tui.files import open_regular
from promptrec_tui.text import clean

TAIL = 1 << 14
LINE = 300

BLOCK = 1 << 16
"""Bytes that are read at once, and that are kept of one line."""

_END = re.compile(rb"\r\n|\r|\n")
_LAST = re.compile(rb"\n|\r(?!\n)")
"""The end of a line, and the last byte of one."""


def last_lines(log: Path, count: int) -> list[str]:
    """The last `count` lines of a log that say something, clean and short; none when there is no log."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
    except OSError:
        return []
    return [said[:LINE] for line in lines if (said := clean(line).rstrip())][-count:]


def tail(log: Path, count: int) -> Iterator[str]:
    """The last `count` lines of a log, clean, one after the other; none when there is no log.

    What went before is not read, and of a line of more than 64 KiB the rest is counted and not kept.
    A carriage return ends a line too. Raises OSError when the file cannot be read.
    """
    if not log.is_file():
        return
    with open(log, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(_start(file, end, count))
        yield from _lines(file, end)


def _start(file: BinaryIO, end: int, count: int) -> int:
    """Where the last `count` lines before `end` begin."""
    place = end
    while place > 0:
        place, stop = max(0, place - BLOCK), place
        file.seek(place)
        # One byte more says whether a return at the end has its newline in the next block.
        block = file.read(stop - place + 1)
        for match in reversed(list(_LAST.finditer(block))):
            if match.start() < stop - place and place + match.end() < end:
                count -= 1
                if count == 0:
                    return place + match.end()
    return 0


def _lines(file: BinaryIO, end: int) -> Iterator[str]:
    kept, left_out = b"", 0
    while (place := file.tell()) < end:
        block = file.read(min(BLOCK, end - place))
        if block.endswith(b"\r") and (file.read(1) != b"\n"):
            file.seek(place + len(block))
        *whole, rest = _END.split(block)
        for piece in whole:
            yield _shown(kept + piece, left_out)
            kept, left_out = b"", 0
        left_out += max(0, len(kept) + len(rest) - BLOCK)
        kept = (kept + rest)[:BLOCK]
    if kept:
        yield _shown(kept, left_out)


def _shown(line: bytes, left_out: int) -> str:
    left_out += max(0, len(line) - BLOCK)
    text = clean(line[:BLOCK].decode(errors="replace"))
    return f"{text} ({left_out:,} more bytes)" if left_out else text
