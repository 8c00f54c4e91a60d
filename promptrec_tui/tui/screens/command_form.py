"""A form that runs a command of the app in a child process, with progress and a way to cancel."""

import asyncio
import sys
from collections.abc import Mapping
from shlex import join
from typing import Any, ClassVar

from textual.app import ComposeResult

from promptrec_tui.tui.child import run_child
from promptrec_tui.tui.screens.form import FieldError, Form
from promptrec_tui.tui.widgets.progress_line import ProgressLine


class CommandForm(Form[dict[str, Any]]):
    """Subclasses define `fields()`, `command()` and `done()`. Returns the command's document, or None."""

    WORKING: ClassVar[str] = "working…"
    NOUN: ClassVar[str] = ""
    """What it makes: dataset or model."""

    _cancelling = False

    def body(self) -> ComposeResult:
        yield from super().body()
        yield ProgressLine(self.promptrec.ascii_only, id="progress")

    def command(self, values: Mapping[str, str]) -> list[str]:
        """The command's arguments. Raises UserError when a field is missing or wrong."""
        raise NotImplementedError

    def done(self, document: Mapping[str, Any]) -> str:
        """The notice for a command that has succeeded."""
        raise NotImplementedError

    def phase_changed(self, phase: str) -> None:
        """Called with each phase that the command reports."""

    def on_mount(self) -> None:
        self.take_draft()

    async def command_line(self, values: Mapping[str, str]) -> str:
        words = [word for word in self.command(values) if word not in ("--progress=json", "--json")]
        return join(["promptrec", *words])

    async def submit(self, values: Mapping[str, str]) -> dict[str, Any]:
        arguments = self.command(values)
        progress = self.query_one(ProgressLine)
        progress.at = (self.WORKING, 0, 0)
        self._cancelling = False
        self.promptrec.remember(work={"noun": self.NOUN, "name": values.get("name", "")})

        def show(phase: str, done: int, total: int) -> None:
            if not self._cancelling:
                progress.at = (phase, done, total)
                self.phase_changed(phase)

        try:
            document: dict[str, Any] = await run_child(self.promptrec.home, arguments, show)
        finally:
            progress.at = None
            # Cancelled because the app is left: the next start shows whether it was finished.
            if self._cancelling or not isinstance(sys.exception(), asyncio.CancelledError):
                self.promptrec.remember(work={})
        self.notify_text(self.done(document))
        return document

    def action_back(self) -> None:
        if not self._submitting:
            super().action_back()
        elif not self._cancelling:
            self._cancelling = True
            self.query_one(ProgressLine).at = ("cancelling…", 0, 0)
            self.workers.cancel_group(self, "submit")


def required(values: Mapping[str, str], name: str, sentence: str) -> str:
    """The stripped value of a field. Raises FieldError with `sentence` when it is empty."""
    if value := values[name].strip():
        return value
    raise FieldError(name, sentence)
