"""The log of a run: its end, growing, and as much of what went before as is looked at."""

from bisect import bisect_right
from typing import TYPE_CHECKING

from textual import on, work

from promptrec_tui.text import size_text
from promptrec_tui.tui import lazy_workspace as workspace
from promptrec_tui.tui.widgets.line_view import Line, LineView
from promptrec_tui.tui.widgets.searched_lines import SearchedLines

if TYPE_CHECKING:
    from pathlib import Path

    from promptrec_tui.workspace.run_logs import LogBlock, LogLine

MOST_LINES = 10_000
"""Lines that are kept; those farthest from the cursor are forgotten, and read again when needed."""

NEAR = 50
"""Lines from an end of what is kept at which more is read."""

FAULT = ""
"""What is sought where the next error is."""


class LogPane(SearchedLines):
    """Follows the log while the cursor is on its last line; anywhere else it stays where it is.

    It holds the part of the file from `_start` to `_end`, and the line there that is still being written.
    """

    KEYS = "   / search  e error  y copy"

    def __init__(self, id: str | None = None) -> None:
        super().__init__("log line", id)
        self._path: Path | None = None
        self._bytes = self._start = self._end = 0
        self._unfinished = False
        """Whether its last line is still being written."""
        self._whole = True
        """Whether it holds the end of the file."""
        self._progress = ""
        """How far a search has come; empty when there is none."""

    @property
    def busy(self) -> bool:
        """Whether it looks through the file."""
        return bool(self._progress)

    def on_mount(self) -> None:
        self._write_title()

    async def renew(self, run: str) -> None:
        """Show what is new in the log of a run."""
        end = self._end if self._whole else self._bytes
        block = await self.ask(workspace.run_logs.log_news, run, self._path, end)
        if end != (self._end if self._whole else self._bytes):
            return  # other lines were read meanwhile
        if block.path != self._path or (self.view.at_end and self._whole and block.start != end):
            self._replace(block, to_end=True)
        elif block.size != self._bytes and self._whole and block.start == end:
            self._append(block)
        elif block.size != self._bytes:
            self._bytes, self._whole = block.size, False
            self._write_title()

    def _replace(self, block: "LogBlock", to_end: bool) -> None:
        """Show a block in place of all, with the cursor on its last line or on its first."""
        self._path, self._start = block.path, block.start
        lines = self._take_end(block)
        self.view.show(lines, len(lines) - 1 if to_end else 0)
        self._moved()

    def _append(self, block: "LogBlock") -> None:
        follows = self.view.at_end
        before = self.view.lines[: len(self.view.lines) - self._unfinished]
        lines = [*before, *self._take_end(block)]
        self.view.show(lines, len(lines) - 1 if follows else None)
        if (more := len(lines) - MOST_LINES) > 0:
            if self.view.first_in_view > more:
                self.view.drop(first=more)
                self._start = self.view.lines[0].key
            else:
                self._whole = False
        self._write_title()

    def _take_end(self, block: "LogBlock") -> list[Line]:
        """The lines of a block whose end is the new end."""
        self._bytes, self._end = block.size, block.end
        self._unfinished, self._whole = block.unfinished is not None, block.at_end
        return [*map(shown, block.lines), *([shown(block.unfinished)] if block.unfinished else ())]

    def _prepend(self, block: "LogBlock") -> None:
        self._start = block.start
        self.view.put_before([shown(line) for line in block.lines])
        if (more := len(self.view.lines) - MOST_LINES) > 0:
            self._end = self.view.lines[-more].key
            self._unfinished = self._whole = False
            self.view.drop(last=more)
        self._write_title()

    @on(LineView.Moved)
    def _moved(self) -> None:
        self._write_title()
        view = self.view
        if self._path and self._start and view.first_in_view < NEAR:
            self._read_more(before=True)
        elif self._path and not self._whole and view.last_in_view > len(view.lines) - NEAR:
            self._read_more(before=False)

    @work(group="more", exclusive=True, exit_on_error=False)
    async def _read_more(self, before: bool) -> None:
        if self._path is None:
            return
        place = self._start if before else self._end
        read = workspace.run_logs.log_before if before else workspace.run_logs.log_after
        block = await self.ask(read, self._path, place)
        if before and place == self._start and block.lines:
            self._prepend(block)
        elif not before and block.start == self._end:
            self._append(block)

    @on(LineView.Jumped)
    def _jumped(self, event: LineView.Jumped) -> None:
        if self._start if not event.to_end else not self._whole:
            self._read_edge(event.to_end)

    @work(group="more", exclusive=True, exit_on_error=False)
    async def _read_edge(self, to_end: bool) -> None:
        if self._path and to_end:
            self._replace(await self.ask(workspace.run_logs.log_end, self._path), to_end=True)
        elif self._path:
            self._replace(await self.ask(workspace.run_logs.log_after, self._path, 0), to_end=False)

    def step(self, forward: bool) -> None:
        self._find(self.view.sought, forward)

    def step_to_fault(self, forward: bool) -> None:
        """Go to the next line that reports an error, or to the one before."""
        self._find(FAULT, forward)

    def leave_search(self) -> None:
        self.workers.cancel_group(self, "find")
        super().leave_search()

    @work(group="find", exclusive=True, exit_on_error=False)
    async def _find(self, sought: str, forward: bool) -> None:
        """Look through the whole file, around its end too, some megabytes at a time."""
        if self._path is None or not self.view.lines:
            return
        place = begun = self._place(forward)
        around = False
        try:
            while True:
                step = await self.ask(workspace.run_logs.find_in_log, self._path, sought, place, forward)
                if step.line is not None:
                    await self._go_to(step.line)
                    return
                place = step.reached
                ended = place >= step.size if forward else place <= 0
                if (ended and around) or (around and (place >= begun if forward else place <= begun)):
                    self.notify_text(f"No line has {sought!r}." if sought else "No line reports an error.")
                    return
                if ended:
                    around, place = True, 0 if forward else step.size
                self._progress = f"searching at {place / max(step.size, 1):.0%}, esc ends it"
                self._write_title()
        finally:
            self._progress = ""
            self._write_title()

    def _place(self, forward: bool) -> int:
        """Where the line after the cursor begins, or the one under it."""
        lines, cursor = self.view.lines, self.view.cursor
        if not forward:
            return lines[cursor].key
        return lines[cursor + 1].key if cursor + 1 < len(lines) else max(self._end, self._bytes)

    async def _go_to(self, place: int) -> None:
        if self._path and not self._start <= place <= self._end:
            self._replace(await self.ask(workspace.run_logs.log_after, self._path, place), to_end=False)
        self.view.cursor = max(bisect_right(self.view.lines, place, key=lambda line: line.key) - 1, 0)

    def _write_title(self) -> None:
        if self._path is None or not self.view.lines:
            self.show_title("log", "nothing is printed yet; the lines appear here as the run goes on")
            return
        title = f"log of attempt {self._path.parent.name}"
        cursor, count = self.view.cursor, len(self.view.lines)
        all_lines = self._start == 0 and self._whole
        place = self.view.lines[cursor].key / max(self._bytes, 1)
        where = f"line {cursor + 1:,} of {count:,}" if all_lines else f"at {place:.0%}"
        state = "follows" if self._whole and self.view.at_end else "G follows"
        self.show_title(title, self._progress or f"{size_text(self._bytes)}  {where}  {state}")


def shown(line: "LogLine") -> Line:
    """A line of a log as the view shows it."""
    return Line(line.text, ((0, len(line.text), "fault"),) if line.fault else (), key=line.start)
