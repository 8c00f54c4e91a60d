"""A template over a whole dataset: the `template audit` command in the background, and its result."""

from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from promptrec_tui.errors import UserError
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.child import run_child
from promptrec_tui.tui.screens.base import BaseScreen
from promptrec_tui.tui.widgets.audit_text import audit_text
from promptrec_tui.tui.widgets.progress_line import ProgressLine
from promptrec_tui.tui.widgets.template_text import problem_text
from promptrec_tui.tui.widgets.text_pane import TextPane


class AuditTemplateScreen(BaseScreen[None]):
    """Starts at once; leaving the screen ends the command. All three arguments are names or ids."""

    PLACE = "audit_template"
    MODE = "templates"
    BINDINGS = bindings("audit_template")
    HOME = "TextPane"

    def __init__(self, dataset: str, template: str, model: str) -> None:
        super().__init__()
        self._arguments = [
            *("template", "audit", f"--dataset={dataset}", f"--template={template}", f"--model={model}"),
            *("--progress=json", "--json"),
        ]
        self._document: dict[str, Any] | None = None

    def body(self) -> ComposeResult:
        yield ProgressLine(self.promptrec.ascii_only, id="progress")
        with TextPane():
            yield Static(id="audit")

    def on_mount(self) -> None:
        self.focus_home()
        self._audit()

    @work(exclusive=True, group="audit", exit_on_error=False)
    async def _audit(self) -> None:
        progress, shown = self.query_one(ProgressLine), self.query_one("#audit", Static)
        progress.at = ("starting…", 0, 0)

        def tell(phase: str, done: int, total: int) -> None:
            progress.at = (phase, done, total)

        try:
            document = await run_child(self.promptrec.home, self._arguments, tell)
        except UserError as error:
            shown.update(problem_text(error))
            return
        finally:
            progress.at = None
        self._document = document
        shown.update(audit_text(document, self.promptrec.glyphs))
