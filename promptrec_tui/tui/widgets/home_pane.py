"""What goes on: the run at work with its time left, the queue, and below them what the machine has free."""

from typing import TYPE_CHECKING

from rich.text import Text
from textual import events

from promptrec_tui.text import clean, duration_text
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.run_text import progress_text, state_text
from promptrec_tui.tui.widgets.steady import Steady

if TYPE_CHECKING:
    from promptrec_tui.workspace.home_view import HomeView, Machine

LOW = 20
"""Rows of the terminal below which the line of the machine is left out."""

GIB, GB = 2**30, 10**9


class HomePane(Steady):
    """Two lines above the list of runs, or one in a low terminal."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__("now   looking what goes on", id="home")
        self._glyphs = glyphs
        self._view: HomeView | None = None

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def show(self, view: "HomeView") -> None:
        """Show what goes on."""
        self._view = view
        self._draw()

    def _draw(self) -> None:
        self.set_class(self.app.size.height < LOW, "-low")
        if self._view is None:
            return
        lines = [now_text(self._view, self._glyphs)]
        if not self.has_class("-low"):
            lines.append(machine_text(self._view.machine))
        for line in lines:
            line.truncate(max(1, self.size.width - 2), overflow="ellipsis")
        self.renew(Text("\n").join(lines))


def now_text(view: "HomeView", glyphs: Glyphs) -> Text:
    """The first run at work, how many more there are, and the queue."""
    text = Text("now   ", style="dim", no_wrap=True)
    if not view.running:
        text.append("nothing runs", style="not dim")
    for row, left in view.running[:1]:
        text.append(f"{clean(row.name)} ", style="bold not dim")
        text.append(f"{state_text(row, glyphs)} {progress_text(row)}", style="not dim")
        if left:
            of = f" of {left.what}" if left.what else ""
            text.append(f", {duration_text(left.seconds)}{of} left", style="not dim")
    if (more := len(view.running) - 1) > 0:
        text.append(f"  +{more} more at work", style="not dim")
    if view.queued:
        text.append(f"  {len(view.queued)} queued, next {clean(view.queued[0])}", style="not dim")
    return text


def machine_text(machine: "Machine") -> Text:
    """Free memory of each GPU, free memory, and free room on the disk of the home."""
    parts = [
        f"GPU {gpu.index} {gpu.free / GIB:.0f} of {gpu.total / GIB:.0f} GiB"
        if gpu.total
        else f"GPU {gpu.index}"
        for gpu in machine.gpus
    ]
    parts.append(f"memory {machine.memory_free / GB:.1f} of {machine.memory / GB:.1f} GB")
    parts.append(f"disk {machine.disk_free / GB:.0f} GB")
    return Text(f"free  {', '.join(parts)}", style="dim", no_wrap=True)
