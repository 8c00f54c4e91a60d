"""Progress in one line."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from promptrec_tui.text import clean

BAR_WIDTH = 24


class ProgressLine(Widget):
    """Empty while `at` is None; else it shows phase, done and total (0 = unknown)."""

    at: reactive[tuple[str, int, int] | None] = reactive(None)

    def __init__(self, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._full, self._rest = ("#", ".") if ascii_only else ("━", "─")

    def render(self) -> Content:
        if self.at is None:
            return Content("")
        phase, done, total = self.at
        if total <= 0:
            return Content(f"{clean(phase)} {done:,}" if done else clean(phase))
        share = min(done / total, 1.0)
        filled = round(share * BAR_WIDTH)
        return Content.from_markup(
            "[$accent]$full[/][dim]$rest[/] $share $phase",
            full=self._full * filled,
            rest=self._rest * (BAR_WIDTH - filled),
            share=f"{share:4.0%}",
            phase=clean(phase),
        )
