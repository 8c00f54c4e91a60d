"""The first line: the modes, and what is going on."""

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widget import Widget

from promptrec_tui.text import clean
from promptrec_tui.tui.widgets.cells import fit
from promptrec_tui.tui.widgets.run_text import GOING, progress_text

if TYPE_CHECKING:
    from promptrec_tui.tui.app import PromptrecApp

MODES = ("runs", "data", "templates", "models")


class TopBar(Widget):
    """The four modes, the present one marked; on the right the run that is going."""

    auto_links = False

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode

    def on_mount(self) -> None:
        self.watch(self.app, "runs", self._changed, init=False)
        self.watch(self.app, "activity", self._changed, init=False)
        self.watch(self.app, "trouble", self._changed, init=False)

    def render(self) -> Content:
        left = Content("").join(
            Content.from_markup(f"[@click=app.show_mode('{mode}')][{style}] {number} {mode.title()} [/][/]")
            for number, mode in enumerate(MODES, 1)
            for style in ("reverse" if mode == self._mode else "dim",)
        )
        room = self.size.width - left.cell_length - 3
        app = cast("PromptrecApp", self.app)
        text, style = (f"! {app.trouble}", "red") if app.trouble else (self._activity(), "")
        right = fit(text, room, style, app.glyphs.more)
        gap = " " * max(1, self.size.width - left.cell_length - right.cell_len - 1)
        return Content.assemble(left, gap, Content.from_rich_text(right))

    def _changed(self) -> None:
        self.refresh()

    def _activity(self) -> str:
        app = cast("PromptrecApp", self.app)
        if app.activity:
            return app.activity
        going = [row for row in app.runs if row.state in GOING]
        waiting = sum(row.state == "queued" for row in app.runs)
        if going:
            text = f"{app.glyphs.dot} {clean(going[0].name)} {progress_text(going[0])}"
            return f"{text} +{waiting} queued" if waiting else text
        return f"{waiting} queued" if waiting else "no run going"
