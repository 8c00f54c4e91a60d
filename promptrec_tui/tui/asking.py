"""How screens and panes call the workspace, and how an error becomes a notice."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

from promptrec_tui.tui.app_interface import AppInterface, app_of
from promptrec_tui.tui.notices import Severity, notify_text, sentence_of
from promptrec_tui.tui.waits import words_of

if TYPE_CHECKING:
    from promptrec_tui.workspace.opening import Workspace

P = ParamSpec("P")
T = TypeVar("T")


class Asking(MessagePump):
    """For screens and widgets whose workers call the workspace.

    Mark the workers `exit_on_error=False`, so that their errors are shown as notices.
    """

    @property
    def promptrec(self) -> AppInterface:
        """The app, by its own type."""
        return app_of(self)

    async def ask(
        self, function: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> T:
        """The result of `function(workspace, …)`, called in the backend's thread.

        Call it in a worker: it may take long. `function` comes from `lazy_workspace`.
        """
        with self.promptrec.waits.waiting(words_of(function)):
            return await self.promptrec.backend.ask(function, *args, **options)

    async def ask_aside(
        self, function: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> T:
        """The same for what takes seconds and only reads: other calls do not wait for it."""
        with self.promptrec.waits.waiting(words_of(function)):
            return await self.promptrec.backend.ask_aside(function, *args, **options)

    def notify_text(self, text: str, severity: Severity = "information") -> None:
        """Show a short notice."""
        notify_text(self.app, text, severity)

    def report(self, error: BaseException) -> str:
        """Show an error as a notice of one sentence, and return the sentence."""
        text = sentence_of(error, self.promptrec.home.root / "app.log")
        self.notify_text(text, "error")
        return text

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error:
            self.report(event.worker.error)
