"""How screens and panes ask the backend, and what becomes of an error."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

from promptrec_tui.tui.notices import Severity, notify_text, sentence_of

if TYPE_CHECKING:
    from promptrec_tui.tui.app import PromptrecApp
    from promptrec_tui.workspace.opening import Workspace

P = ParamSpec("P")
T = TypeVar("T")


class Asking(MessagePump):
    """For screens and widgets whose workers ask. Mark those `exit_on_error=False`: an error is a notice."""

    @property
    def promptrec(self) -> "PromptrecApp":
        """The app, by its own type."""
        return cast("PromptrecApp", self.app)

    async def ask(
        self, verb: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **options: P.kwargs
    ) -> T:
        """What a verb answers. Call it in a worker: it may take long."""
        return await self.promptrec.backend.ask(verb, *args, **options)

    def notify_text(self, text: str, severity: Severity = "information") -> None:
        """Say something in passing."""
        notify_text(self.promptrec, text, severity)

    def report(self, error: BaseException) -> str:
        """Show an error as one sentence, and answer that."""
        text = sentence_of(error, self.promptrec.home.root / "app.log")
        self.notify_text(text, "error")
        return text

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error:
            self.report(event.worker.error)
