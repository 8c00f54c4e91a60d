"""The end of a log file, cleaned, updated as it grows."""

import re
from typing import TYPE_CHECKING

from textual.widgets import Log

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings

if TYPE_CHECKING:
    from pathlib import Path

    from promptrec_tui.workspace.run_views import LogPiece

MOST_LINES = 5_000

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\))")
"""Control sequences for colours, cursor moves, titles and links."""


class LogTail(Log, inherit_bindings=False):
    """Follows the log while scrolled to the end; scrolled up, it stays where it is."""

    BINDINGS = bindings("scroll")
    PANE = "scroll"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, max_lines=MOST_LINES)
        self.path: Path | None = None
        self.read_bytes = 0

    def feed(self, piece: "LogPiece") -> None:
        """Show text that was read from `offset` of `path`; text of another file replaces the old one."""
        if piece.path != self.path:
            self.clear()
            self.path = piece.path
        self.read_bytes = piece.offset
        if piece.text:
            self.write_lines(log_lines(piece.text), scroll_end=self.is_vertical_scroll_end)


def log_lines(text: str) -> list[str]:
    """Lines as a terminal would show them, without colours: the last state of a line that was rewritten."""
    text = _ESCAPES.sub("", text)
    return [clean(line.rstrip("\r").rpartition("\r")[2]) for line in text.removesuffix("\n").split("\n")]
