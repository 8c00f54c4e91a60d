"""The end of an attempt's log, as a person may see it."""

import os
from pathlib import Path

from promptrec_tui.files import open_regular
from promptrec_tui.text import clean

TAIL = 1 << 14
LINE = 300


def last_lines(log: Path, count: int) -> list[str]:
    """The last `count` lines of a log that say something, clean and short; none when there is no log."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
    except OSError:
        return []
    return [said[:LINE] for line in lines if (said := clean(line).rstrip())][-count:]
