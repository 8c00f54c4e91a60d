"""The recommendations to the pinned users: before training, now, and by a blend."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from promptrec_tui.text import clean
from promptrec_tui.tui.actions import bindings
from promptrec_tui.tui.glyphs import Glyphs
from promptrec_tui.tui.widgets.rankings import (
    beside,
    column_width,
    history_lines,
    history_text,
    ranking_lines,
    score_text,
)
from promptrec_tui.tui.widgets.steady import Steady

if TYPE_CHECKING:
    from promptrec_tui.workspace.runs import PreviewRow


WIDE = 120
"""The minimum width at which the history has a column of its own beside two rankings."""


class PreviewPane(VerticalScroll, inherit_bindings=False):
    """One pinned user at a time: `move` shows the next or the previous one."""

    BINDINGS = bindings("scroll")
    PANE = "scroll"

    def __init__(self, glyphs: Glyphs, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._previews: tuple[PreviewRow, ...] = ()
        self._number = 0

    def compose(self) -> ComposeResult:
        yield Steady("Reading the run.")

    def show(self, previews: "tuple[PreviewRow, ...]") -> None:
        """Show these previews; the chosen user stays the same."""
        if previews != self._previews or not previews:
            self._previews = previews
            self._redraw()

    def move(self, by: int) -> None:
        """Show another user."""
        self._number += by
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        users = list(dict.fromkeys(row.user for row in self._previews))
        if not users:
            text = Text("No previews yet: the first come after the first step.", style="dim")
        else:
            self._number %= len(users)
            user = users[self._number]
            mine = [row for row in self._previews if row.user == user]
            place = f"{self._number + 1} of {len(users)}"
            text = preview_text(mine, place, self.scrollable_content_region.width, self._glyphs)
        self.query_one(Steady).renew(text)


def preview_text(rows: "Sequence[PreviewRow]", place: str, width: int, glyphs: Glyphs) -> Text:
    """The history and the previews of one pinned user."""
    before = next((row for row in rows if row.stage == "before"), None)
    blend = next((row for row in rows if row.stage == "blend"), None)
    now = max((row for row in rows if row not in (before, blend)), key=lambda row: row.step, default=None)
    latest = now or before
    if latest is None:
        return Text()
    text = Text(f"user {clean(latest.user)}", style="bold")
    text.append(f"  {place}", style="dim")
    text.append("   target ", style="dim")
    text.append(f"{glyphs.target} {clean(latest.target)}\n", style="bold green")
    text.append_text(_ranks_text(before, now, blend, glyphs))
    text.append("\n")
    shown = [("before", before), ("now" if now is None or now.stage != "after" else "after", now)]
    if blend:
        shown.append(("blend", blend))
    wide = width >= WIDE * (len(shown) + 1) / 3
    cells = column_width(width, len(shown) + wide)
    if not wide:
        text.append_text(history_text(latest.history, width, glyphs))
        text.append("\n")
    text.append("\n")
    columns = [_column(name, row, cells, glyphs, latest.target) for name, row in shown]
    history = [history_lines(latest.history, cells, glyphs)] if wide else []
    text.append_text(beside(cells, *history, *columns))
    return text


def _column(name: str, row: "PreviewRow | None", cells: int, glyphs: Glyphs, target: str) -> "Sequence[Text]":
    """The recommendations of one preview, under their heading."""
    items = [
        (item["key"], item["title"], score_text(item["logprob"], item.get("probability")))
        for item in (row.top if row else ())
    ]
    return ranking_lines(f"{name}{f', step {row.step}' if row else ''}", items, cells, glyphs, target)


def _ranks_text(
    before: "PreviewRow | None", now: "PreviewRow | None", blend: "PreviewRow | None", glyphs: Glyphs
) -> Text:
    """The rank of the target before and now, how far it has moved, and its rank by the blend."""
    text = _move_text(before, now, glyphs)
    if blend:
        text.append("   by the blend ", style="dim")
        text.append(rank_text(blend.rank), style="bold")
    return text


def _move_text(before: "PreviewRow | None", now: "PreviewRow | None", glyphs: Glyphs) -> Text:
    text = Text("rank of the target ", style="dim")
    text.append(rank_text(before.rank if before else None), style="bold")
    if now is None:
        return text
    text.append(f" {glyphs.arrow} ", style="dim")
    text.append(rank_text(now.rank), style="bold")
    if before and before.rank is not None and now.rank is not None:
        moved = before.rank - now.rank
        if moved:
            sign, style = (glyphs.rise, "green") if moved > 0 else (glyphs.fall, "red")
            text.append(f"  {sign} {rank_text(abs(moved))}", style=style)
    return text


def rank_text(rank: float | None) -> str:
    """A rank, with one half for ties."""
    if rank is None or not math.isfinite(rank):
        return "-"
    return f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"
