"""The log of a run for the screen: its end, what is new, what went before, and what is sought in it."""

from pathlib import Path

from promptrec_tui.runs.log_blocks import BLOCK, find_line, lines_after, lines_before
from promptrec_tui.runs.log_blocks import LogBlock as LogBlock
from promptrec_tui.runs.log_blocks import LogLine as LogLine
from promptrec_tui.runs.log_blocks import SearchStep as SearchStep
from promptrec_tui.workspace.opening import Workspace
from promptrec_tui.workspace.runs import log_path


def log_news(workspace: Workspace, run: str, path: Path | None, end: int) -> LogBlock:
    """What a run's log holds after `end` of the file `path`.

    The end of the log if that is another file, has become shorter, or has grown by more than is read at once.
    """
    here = log_path(workspace, run)
    if here == path:
        block = lines_after(here, end)
        if end <= block.size <= end + BLOCK:
            return block
    return lines_before(here)


def log_before(_: Workspace, path: Path, end: int) -> LogBlock:
    """The lines before a place."""
    return lines_before(path, end)


def log_after(_: Workspace, path: Path, start: int) -> LogBlock:
    """The lines from a place on."""
    return lines_after(path, start)


def log_end(_: Workspace, path: Path) -> LogBlock:
    """The last lines."""
    return lines_before(path)


def find_in_log(_: Workspace, path: Path, sought: str, place: int, forward: bool) -> SearchStep:
    """One step of a search for a text, or for a fault if that is empty: at most 16 MiB are read."""
    return find_line(path, sought, place, forward)
