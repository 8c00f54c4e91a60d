"""The first line: the modes, where in its mode the screen is, and the active run."""

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from promptrec_tui.text import clean
from promptrec_tui.tui.app_interface import app_of
from promptrec_tui.tui.widgets.cells import cut, fit
from promptrec_tui.tui.widgets.run_text import GOING, badge, progress_text, sign

MODES = ("runs", "data", "templates", "models")
ACTIVITY_CELLS, SHORTEST_CELLS = 20, 8
"""Of the run at work, and of a name that is cut no further."""


class TopBar(Widget):
    """The four modes, the current one marked, with the way to the screen; on the right the active run."""

    auto_links = False

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode

    def on_mount(self) -> None:
        self.watch(self.app, "runs", self._changed, init=False)
        self.watch(self.app, "wait", self._changed, init=False)
        self.watch(self.app, "trouble", self._changed, init=False)
        if hasattr(self.screen, "crumbs"):
            self.watch(self.screen, "crumbs", self._changed, init=False)

    def render(self) -> Content:
        app = app_of(self)
        left = Content("").join(
            self._mode_content(number, mode, app.few_colours) for number, mode in enumerate(MODES, 1)
        )
        room = self.size.width - left.cell_length - 3
        if not app.trouble and (way := self._way(room)):
            left = Content.assemble(left, way)
            room = self.size.width - left.cell_length - 3
        text, style = (f"! {app.trouble}", "red") if app.trouble else self._activity()
        right = fit(text, room, style, app.glyphs.more)
        gap = " " * max(1, self.size.width - left.cell_length - right.cell_len - 1)
        return Content.assemble(left, gap, Content.from_rich_text(right))

    def _way(self, room: int) -> str:
        """The names that lead from the mode to the screen; the run at work needs the rest of the `room`."""
        glyphs, crumbs = app_of(self).glyphs, getattr(self.screen, "crumbs", ())
        share = max(SHORTEST_CELLS, (room - ACTIVITY_CELLS) // max(1, len(crumbs)) - 3)
        names = [f"{glyphs.crumb} {cut(name, share, glyphs.more)} " for name in crumbs]
        while names and cell_len("".join(names)) > room:
            del names[0]
        return "".join(names)

    def _mode_content(self, number: int, mode: str, few_colours: bool) -> Content:
        """The name of a mode; brackets mark the current one if the whole line is reversed."""
        here = mode == self._mode
        name = f"<{number} {mode.title()}>" if here and few_colours else f" {number} {mode.title()} "
        styles = ("bold", "not bold") if few_colours else ("reverse", "dim")
        style = styles[0] if here else styles[1]
        return Content.from_markup(f"[@click=app.show_mode('{mode}')][{style}]{name}[/][/]")

    def _changed(self) -> None:
        # Textual paints the present screen anew for whatever changes on one below it.
        if self.app.screen is self.screen or self.app.screen.is_modal:
            self.refresh()

    def _activity(self) -> tuple[str, str]:
        """What goes on, and its style: a wait, a run at work (one that stalls first), or the queue."""
        app = app_of(self)
        if app.wait:
            return app.wait, ""
        going = [row for row in app.runs if row.state in GOING]
        waiting = sum(row.state == "queued" for row in app.runs)
        if going:
            run = min(going, key=lambda row: not row.stalled)
            shown = badge(run)
            name, progress = clean(run.name), progress_text(run)
            # The end is cut where there is no room.
            told = f"{shown.word} {name}" if run.stalled else f"{name} {progress}"
            text = f"{sign(shown, app.glyphs)} {told}"
            return f"{text} +{waiting} queued" if waiting else text, shown.colour if run.stalled else ""
        return f"{waiting} queued" if waiting else "no run going", ""
